// What of the kernels' parts is not inline.
#include "cpu/amx_product.cpp"
#include "cpu/philox.cpp"
