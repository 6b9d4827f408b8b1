# cmake -P: the compilers that cmake/MadxCompiler.cmake refuses, and its words. CMake is told of a compiler's name and
# version instead of finding one.
set(module "${CMAKE_CURRENT_LIST_DIR}/../../cmake/MadxCompiler.cmake")

# compiler(ID VERSION EXPECTED): EXPECTED is part of the message, or "" where there is none.
function(compiler id version expected)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -DCMAKE_CXX_COMPILER_ID=${id} -DCMAKE_CXX_COMPILER_VERSION=${version}
      -DCMAKE_CXX_COMPILER=/usr/bin/${id} -P "${module}"
    RESULT_VARIABLE status ERROR_VARIABLE error)
  string(REGEX REPLACE "[ \n]+" " " error "${error}")
  if(expected STREQUAL "" AND status EQUAL 0)
    return()
  endif()
  string(FIND "${error}" "${expected}" found)
  if(expected STREQUAL "" OR status EQUAL 0 OR found EQUAL -1)
    message(SEND_ERROR "${id} ${version}: expected \"${expected}\", but found status ${status}: ${error}")
  endif()
endfunction()

compiler(GNU 12.2.0 "")
compiler(GNU 12 "")
compiler(GNU 14.1.0 "")
compiler(Clang 14.0.6 "")
compiler(Clang 19.1.0 "")
compiler(GNU 11.4.0 "expected GCC 12 or newer, or Clang 14 or newer, but found GNU 11.4.0 (/usr/bin/GNU)")
compiler(GNU 9.3.0 "but found GNU 9.3.0")
compiler(Clang 13.0.1 "expected GCC 12 or newer, or Clang 14 or newer, but found Clang 13.0.1")
