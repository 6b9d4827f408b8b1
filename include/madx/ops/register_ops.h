#pragma once

namespace madx::ops {

/// Makes the operators known to LibTorch's dispatcher: to profilers, TorchScript and, from a shared
/// library, to Python. Every function of madx::ops calls it before its first dispatch; a program
/// that loads a TorchScript archive with such operators calls it before. Any number of calls, from
/// any number of threads, is one.
void register_ops();

}  // namespace madx::ops
