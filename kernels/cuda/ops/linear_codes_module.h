// What a module of one kind of codes consists of.
#pragma once
#include "engine_cuda.h"
#include "engine_cuda_linear.h"
#include "device/device.h"
#include "ops/linear_any.h"
#include "ops/linear_tiled.h"
#include "ops/linear_skinny.h"
#include "ops/codes.h"
#include "ops/code_fragments.h"
#include "ops/linear_codes_skinny.h"
#include "ops/linear_codes_tiled.h"
#include "ops/linear_codes.h"
