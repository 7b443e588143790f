// Module "linear_w8a8_mma": products of e4m3 by the tensor core's own e4m3; sm_89.
#include "ops/linear_w8a8_module.h"

KERNEL(ekc_linear_w8a8_e4m3_mma_tiled, EkcW8A8, 256, 1) { linear_floats_tiled<MmaE4M3>(p); }
KERNEL(ekc_linear_w8a8_e4m3_mma_skinny, EkcW8A8, 256, 1) { linear_w8a8_skinny<FloatSums<MmaE4M3>>(p); }
