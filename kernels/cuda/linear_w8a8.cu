// Module "linear_w8a8": products of 8-bit inputs and 8-bit weights.
#include "ops/linear_w8a8_module.h"

KERNEL(ekc_linear_w8a8_i8_tiled, EkcW8A8, 256, 2) { linear_integers_tiled(p); }
KERNEL(ekc_linear_w8a8_i8_skinny, EkcW8A8, 256, 1) { linear_w8a8_skinny<IntegerSums>(p); }
KERNEL(ekc_linear_w8a8_e4m3_tiled, EkcW8A8, 256, 1) { linear_floats_tiled<MmaWidenedE4M3>(p); }
KERNEL(ekc_linear_w8a8_e4m3_skinny, EkcW8A8, 256, 1) { linear_w8a8_skinny<FloatSums<MmaWidenedE4M3>>(p); }
