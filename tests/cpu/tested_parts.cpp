// What of the kernels' parts is not inline.
#include "cpu/philox.cpp"
