// What the modules of W8A8 products share.
#pragma once
#include "engine_cuda.h"
#include "engine_cuda_linear.h"
#include "device/device.h"
#include "ops/linear_any.h"
#include "ops/linear_tiled.h"
#include "ops/linear_skinny.h"
#include "ops/linear_w8a8.h"
