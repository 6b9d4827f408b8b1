// What of the parts is not inline.
#include "gemm/amx_product.cpp"
