#include <string.h>

#include "context.h"

namespace engine {
namespace {

// Work worth waking another thread for, in elements.
constexpr int64_t kParallelElements = 16 << 10;

// Element-wise work is cut into runs of this many columns.
constexpr int64_t kSegment = 4 << 10;

int32_t run_point(ek_context* context, const PointJob& job, int64_t rows, int64_t columns) {
  const IsaTable* table = context->table;
  const int64_t segments = (columns + kSegment - 1) / kSegment;
  const auto one = [&](int64_t i, int) {
    const int64_t first = i % segments * kSegment;
    const int64_t last = first + kSegment < columns ? first + kSegment : columns;
    table->point(job, i / segments, first, last);
  };
  if (rows * columns < kParallelElements) {
    for (int64_t i = 0; i < rows * segments; i++) one(i, 0);
  } else {
    parallel(context->pool, rows * segments, one);
  }
  return EK_OK;
}

// Runs rows in blocks of about kSegment elements.
template <class F>
void run_rows(ek_context* context, int64_t rows, int64_t columns, const F& f) {
  const int64_t block = columns >= kSegment ? 1 : kSegment / (columns > 0 ? columns : 1);
  if (rows * columns < kParallelElements) {
    for (int64_t r = 0; r < rows; r++) f(r);
    return;
  }
  parallel(context->pool, (rows + block - 1) / block, [&](int64_t b, int) {
    for (int64_t r = b * block; r < rows && r < (b + 1) * block; r++) f(r);
  });
}

int32_t run_norm(ek_context* context, const ek_matrix* y, const ek_matrix* x, NormJob job) {
  if (context == nullptr || !same_shape(y, x) || job.groups <= 0 || x->columns % job.groups != 0) {
    return EK_INVALID_ARGUMENT;
  }
  if (x->columns == 0) return EK_OK;
  job.y = y->data;
  job.x = x->data;
  job.y_stride = y->row_stride;
  job.x_stride = x->row_stride;
  job.n = x->columns / job.groups;
  const IsaTable* table = context->table;
  run_rows(context, x->rows, x->columns, [&](int64_t r) { table->norm(job, r); });
  return EK_OK;
}

}  // namespace
}  // namespace engine

using namespace engine;

extern "C" int32_t ek_rms_norm(
    ek_context* context, const ek_matrix* y, const ek_matrix* x, const float* weight, float epsilon, float offset,
    int32_t groups) {
  NormJob job{};
  job.weight = weight;
  job.epsilon = epsilon;
  job.offset = offset;
  job.groups = groups;
  return run_norm(context, y, x, job);
}

extern "C" int32_t ek_layer_norm(
    ek_context* context, const ek_matrix* y, const ek_matrix* x, const float* weight, const float* bias,
    float epsilon, int32_t groups, int32_t per_group) {
  NormJob job{};
  job.weight = weight;
  job.bias = bias;
  job.epsilon = epsilon;
  job.groups = groups;
  job.per_group = per_group;
  job.center = 1;
  return run_norm(context, y, x, job);
}

extern "C" int32_t ek_add_scaled(ek_context* context, const ek_matrix* y, const ek_matrix* x, float scale) {
  if (context == nullptr || !same_shape(y, x)) return EK_INVALID_ARGUMENT;
  return run_point(
      context, {y->data, x->data, nullptr, y->row_stride, x->row_stride, scale, kAddScaled, 0}, x->rows, x->columns);
}

extern "C" int32_t ek_scale(ek_context* context, const ek_matrix* x, float scale) {
  if (context == nullptr || !valid(x)) return EK_INVALID_ARGUMENT;
  return run_point(
      context, {x->data, x->data, nullptr, x->row_stride, x->row_stride, scale, kScale, 0}, x->rows, x->columns);
}

extern "C" int32_t ek_soft_cap(ek_context* context, const ek_matrix* x, float cap) {
  if (context == nullptr || !valid(x) || !(cap > 0)) return EK_INVALID_ARGUMENT;
  return run_point(
      context, {x->data, x->data, nullptr, x->row_stride, x->row_stride, cap, kSoftCap, 0}, x->rows, x->columns);
}

extern "C" int32_t ek_activate(
    ek_context* context, const ek_matrix* y, const ek_matrix* x, int32_t activation) {
  if (context == nullptr || !same_shape(y, x) || activation < EK_SILU || activation > EK_RELU_SQUARED) {
    return EK_INVALID_ARGUMENT;
  }
  return run_point(
      context, {y->data, x->data, nullptr, y->row_stride, x->row_stride, 0, kActivate, activation}, x->rows,
      x->columns);
}

extern "C" int32_t ek_activate_multiply(
    ek_context* context, const ek_matrix* y, const ek_matrix* x, int32_t activation) {
  if (context == nullptr || !valid(y) || !valid(x) || y->rows != x->rows || x->columns != 2 * y->columns ||
      activation < EK_SILU || activation > EK_RELU_SQUARED) {
    return EK_INVALID_ARGUMENT;
  }
  const PointJob job{y->data, x->data, x->data + y->columns, y->row_stride, x->row_stride, 0, kActivateMultiply,
                     activation};
  return run_point(context, job, y->rows, y->columns);
}

extern "C" int32_t ek_rope(
    ek_context* context, const ek_matrix* x, const int32_t* positions, const float* cos_sin, int64_t num_positions,
    int32_t head_dim, int32_t rotary_dim, int32_t interleaved) {
  if (context == nullptr || !valid(x) || positions == nullptr || cos_sin == nullptr || head_dim <= 0 ||
      x->columns % head_dim != 0 || rotary_dim <= 0 || rotary_dim % 2 != 0 || rotary_dim > head_dim) {
    return EK_INVALID_ARGUMENT;
  }
  for (int64_t r = 0; r < x->rows; r++) {
    if (positions[r] < 0 || positions[r] >= num_positions) return EK_INVALID_ARGUMENT;
  }
  const RopeJob job{x->data, positions, cos_sin, x->row_stride, static_cast<int32_t>(x->columns / head_dim), head_dim,
                    rotary_dim, interleaved};
  const IsaTable* table = context->table;
  run_rows(context, x->rows, x->columns, [&](int64_t r) { table->rope(job, r); });
  return EK_OK;
}

extern "C" int32_t ek_gather_rows(
    ek_context* context, const ek_matrix* y, const ek_matrix* x, const int32_t* indices) {
  if (context == nullptr || !valid(y) || !valid(x) || indices == nullptr || y->columns != x->columns) {
    return EK_INVALID_ARGUMENT;
  }
  for (int64_t r = 0; r < y->rows; r++) {
    if (indices[r] < 0 || indices[r] >= x->rows) return EK_INVALID_ARGUMENT;
  }
  for (int64_t r = 0; r < y->rows; r++) {
    memcpy(y->data + r * y->row_stride, x->data + indices[r] * x->row_stride,
           static_cast<size_t>(y->columns) * sizeof(float));
  }
  return EK_OK;
}
