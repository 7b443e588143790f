// cuBLASLt for tests: the functions that the backend calls, over the fake driver's streams. It refuses what NVIDIA's
// documents do not allow, and where the real library would not look (another algorithm's shape, memory that is too
// small, a workspace that is used twice) it is stricter.
#include <cstring>

#include "fake.h"
#include "plain.h"

namespace fake {

enum {
  LT_OK = 0,
  LT_NOT_INITIALIZED = 1,
  LT_INVALID_VALUE = 7,
  LT_EXECUTION_FAILED = 13,
  LT_NOT_SUPPORTED = 15,
};
enum { R_32F = 0, R_16F = 2, R_16BF = 14 };
enum { kCompute32F = 68 };

struct LtDesc {
  int compute, scale;
  int transpose_a = 0, transpose_b = 0, epilogue = 1;
};

struct LtLayout {
  int type;
  uint64_t rows, columns;
  int64_t stride;
};

struct LtPreference {
  uint64_t workspace = 0;
  uint32_t alignment[4] = {256, 256, 256, 256};
};

// 64 bytes that the caller keeps.
struct LtAlgorithm {
  uint64_t magic, n, k, rows, workspace;
  int64_t stride_w, stride_x, stride_y;
};

struct LtHeuristic {
  LtAlgorithm algorithm;
  uint64_t workspace;
  int state;
  float waves;
  int reserved[4];
};
static_assert(sizeof(LtAlgorithm) == 64 && sizeof(LtHeuristic) == 96, "as in cublasLt.h");

static const uint64_t kMagic = 0x6c7461636f727065ull;

// What a test asks for: the n-th call from now of a kind fails with a status, and so do those after it if it stays.
static struct LtFault {
  int call = -1, after = -1, status = 0, stays = 0;
} fault;

struct LtObjects {
  std::vector<std::unique_ptr<char>> handles;
  std::vector<std::unique_ptr<LtDesc>> descs;
  std::vector<std::unique_ptr<LtLayout>> layouts;
  std::vector<std::unique_ptr<LtPreference>> preferences;
};

static LtObjects& objects() {
  static auto* all = new LtObjects;
  return *all;
}

void lt_reset() {
  objects() = LtObjects();
  fault = LtFault();
}

void lt_fail(int call, int after, int status, int stays) { fault = {call, after, status, stays}; }

static int fails(int call) {
  if (fault.call != call || fault.after-- > 0) return LT_OK;
  if (!fault.stays) fault.call = -1;
  return fault.status;
}

template <class T>
static T* find(std::vector<std::unique_ptr<T>>& all, void* handle) {
  for (auto& one : all) {
    if (one.get() == handle) return one.get();
  }
  return nullptr;
}

template <class T>
static int add(std::vector<std::unique_ptr<T>>& all, T* made, void** out) {
  all.emplace_back(made);
  state().counts.lt_objects++;
  *out = made;
  return LT_OK;
}

template <class T>
static int remove(std::vector<std::unique_ptr<T>>& all, void* handle) {
  for (size_t i = 0; i < all.size(); i++) {
    if (all[i].get() != handle) continue;
    all.erase(all.begin() + (long)i);
    state().counts.lt_objects--;
    return LT_OK;
  }
  return handle ? LT_INVALID_VALUE : LT_OK;
}

static int deny(int status, const std::string& why) {
  state().message = "cuBLASLt: " + why;
  return status;
}

static int bytes_of(int type) { return type == R_32F ? 4 : 2; }
static int plain_type(int type) { return type == R_32F ? EKC_F32 : type == R_16F ? EKC_F16 : EKC_BF16; }

// D = op(A) op(B): is it a product that exists?
static int check_shapes(const LtDesc& d, const LtLayout& a, const LtLayout& b, const LtLayout& c, const LtLayout& y) {
  if (d.compute != kCompute32F || d.scale != R_32F) return deny(LT_NOT_SUPPORTED, "compute or scale type");
  if (!d.transpose_a || d.transpose_b) return deny(LT_NOT_SUPPORTED, "only A transposed and B as it is are modelled");
  if (d.epilogue != 1) return deny(LT_NOT_SUPPORTED, "an epilogue");
  if (a.type != b.type || (a.type != R_16F && a.type != R_16BF)) return deny(LT_NOT_SUPPORTED, "types of A and B");
  if (c.type != y.type || (y.type != R_32F && y.type != a.type)) return deny(LT_NOT_SUPPORTED, "types of C and D");
  if (a.rows != b.rows || a.columns != y.rows || b.columns != y.columns) return deny(LT_INVALID_VALUE, "shapes");
  if (c.rows != y.rows || c.columns != y.columns || c.stride != y.stride)
    return deny(LT_INVALID_VALUE, "C is not as D");
  for (const LtLayout* l : {&a, &b, &y}) {
    if (l->rows == 0 || l->columns == 0 || l->stride < (int64_t)l->rows)
      return deny(LT_INVALID_VALUE, "a leading dimension below the rows");
    if (l->stride * bytes_of(l->type) % 16) return deny(LT_NOT_SUPPORTED, "a leading dimension off 16 bytes");
  }
  return LT_OK;
}

static bool holds(uint64_t address, const LtLayout& l, int device) {
  uint64_t elements = (l.columns - 1) * (uint64_t)l.stride + l.rows;
  return address % 16 == 0 && find_device(address, elements * bytes_of(l.type), device);
}

// What a launch remembers; descriptors may change after it.
struct LtCall {
  LtLayout w, x, y;
  uint64_t a, b, c, d, workspace, workspace_bytes;
  float alpha, beta;
};

void lt_run(const Op& op) {
  LtCall p;
  memcpy(&p, op.data.data(), sizeof p);
  // The workspace is the product's alone while it runs.
  memset((void*)p.workspace, 0xc7, p.workspace_bytes);
  int type = plain_type(p.w.type), y_type = plain_type(p.y.type);
  for (uint64_t t = 0; t < p.y.columns; t++) {
    for (uint64_t n = 0; n < p.y.rows; n++) {
      float sum = 0;
      for (uint64_t k = 0; k < p.w.rows; k++) {
        float w = get(p.a, (int64_t)n * p.w.stride + (int64_t)k, type);
        sum += w * get(p.b, (int64_t)t * p.x.stride + (int64_t)k, type);
      }
      int64_t at = (int64_t)t * p.y.stride + (int64_t)n;
      // beta 0 does not read C: it may be NaN.
      put(p.d, at, y_type, p.alpha * sum + (p.beta == 0 ? 0 : p.beta * get(p.c, at, y_type)));
    }
  }
  check_red_zones("cublasLtMatmul");
}

}  // namespace fake

using namespace fake;

// The calls that only touch the host's memory work without a driver, as the real ones do.
#define ENTER_LT std::lock_guard<std::recursive_mutex> guard_(state().lock)

API size_t cublasLtGetVersion() { return 120405; }

API const char* cublasLtGetStatusName(int status) {
  switch (status) {
    case 0: return "CUBLAS_STATUS_SUCCESS";
    case 1: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case 3: return "CUBLAS_STATUS_ALLOC_FAILED";
    case 7: return "CUBLAS_STATUS_INVALID_VALUE";
    case 8: return "CUBLAS_STATUS_ARCH_MISMATCH";
    case 11: return "CUBLAS_STATUS_MAPPING_ERROR";
    case 13: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case 14: return "CUBLAS_STATUS_INTERNAL_ERROR";
    case 15: return "CUBLAS_STATUS_NOT_SUPPORTED";
    case 16: return "CUBLAS_STATUS_LICENSE_ERROR";
    default: return "unrecognized status";
  }
}

API int cublasLtCreate(void** out) {
  ENTER_LT;
  if (int status = fails(kLtCreate)) return status;
  if (!state().initialized || state().lost || current_device() < 0) return LT_NOT_INITIALIZED;
  return add(objects().handles, new char, out);
}

API int cublasLtDestroy(void* handle) {
  ENTER_LT;
  return remove(objects().handles, handle);
}

API int cublasLtMatmulDescCreate(void** out, int compute, int scale) {
  ENTER_LT;
  return add(objects().descs, new LtDesc{compute, scale}, out);
}

API int cublasLtMatmulDescDestroy(void* desc) {
  ENTER_LT;
  return remove(objects().descs, desc);
}

API int cublasLtMatmulDescSetAttribute(void* handle, int attribute, const void* value, size_t bytes) {
  ENTER_LT;
  LtDesc* desc = find(objects().descs, handle);
  if (!desc || !value || bytes != sizeof(int)) return LT_INVALID_VALUE;
  int* target = attribute == 3 ? &desc->transpose_a : attribute == 4 ? &desc->transpose_b
                : attribute == 7 ? &desc->epilogue : nullptr;
  if (!target) return deny(LT_INVALID_VALUE, "an attribute of a product that is not modelled");
  memcpy(target, value, bytes);
  return LT_OK;
}

API int cublasLtMatrixLayoutCreate(void** out, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  ENTER_LT;
  return add(objects().layouts, new LtLayout{type, rows, columns, stride}, out);
}

API int cublasLtMatrixLayoutDestroy(void* layout) {
  ENTER_LT;
  return remove(objects().layouts, layout);
}

API int cublasLtMatrixLayoutSetAttribute(void* handle, int attribute, const void* value, size_t bytes) {
  ENTER_LT;
  LtLayout* layout = find(objects().layouts, handle);
  if (!layout || !value || bytes != 8) return LT_INVALID_VALUE;
  void* target = attribute == 2 ? (void*)&layout->rows : attribute == 3 ? (void*)&layout->columns
                 : attribute == 4 ? (void*)&layout->stride : nullptr;
  if (!target) return deny(LT_INVALID_VALUE, "an attribute of a layout that is not modelled");
  memcpy(target, value, bytes);
  return LT_OK;
}

API int cublasLtMatmulPreferenceCreate(void** out) {
  ENTER_LT;
  return add(objects().preferences, new LtPreference, out);
}

API int cublasLtMatmulPreferenceDestroy(void* preference) {
  ENTER_LT;
  return remove(objects().preferences, preference);
}

API int cublasLtMatmulPreferenceSetAttribute(void* handle, int attribute, const void* value, size_t bytes) {
  ENTER_LT;
  LtPreference* preference = find(objects().preferences, handle);
  if (!preference || !value) return LT_INVALID_VALUE;
  void* target = attribute == 1 ? (void*)&preference->workspace
                 : attribute >= 5 && attribute <= 8 ? (void*)&preference->alignment[attribute - 5] : nullptr;
  if (!target || bytes != (attribute == 1 ? 8u : 4u)) return LT_INVALID_VALUE;
  memcpy(target, value, bytes);
  return LT_OK;
}

API int cublasLtMatmulAlgoGetHeuristic(
    void* handle, void* desc, void* a, void* b, void* c, void* d, void* preference, int wanted, LtHeuristic* out,
    int* count) {
  ENTER_LT;
  LtObjects& all = objects();
  LtDesc* product = find(all.descs, desc);
  LtLayout *w = find(all.layouts, a), *x = find(all.layouts, b), *z = find(all.layouts, c), *y = find(all.layouts, d);
  LtPreference* limits = find(all.preferences, preference);
  *count = 0;
  if (!find(all.handles, handle)) return LT_NOT_INITIALIZED;
  if (!product || !w || !x || !y || !z || !limits || wanted <= 0 || !out) return LT_INVALID_VALUE;
  if (int status = fails(kLtHeuristic)) return status;
  if (int status = check_shapes(*product, *w, *x, *z, *y)) return status;
  for (uint32_t alignment : limits->alignment) {
    if (alignment > 16) return deny(LT_NOT_SUPPORTED, "an algorithm for memory that is aligned better than this is");
  }
  LtHeuristic best = {};
  uint64_t workspace = y->rows * y->columns * 4;
  best.workspace = workspace < limits->workspace ? workspace : 0;
  best.algorithm = {kMagic, y->rows, w->rows, y->columns, best.workspace, w->stride, x->stride, y->stride};
  best.waves = 1;
  out[0] = best;
  *count = 1;
  return LT_OK;
}

API int cublasLtMatmul(
    void* handle, void* desc, const float* alpha, const void* a, void* a_layout, const void* b, void* b_layout,
    const float* beta, const void* c, void* c_layout, void* d, void* d_layout, const LtAlgorithm* algorithm,
    void* workspace, size_t workspace_bytes, void* stream_handle) {
  ENTER_LT;
  Call call;
  State& s = state();
  LtObjects& all = objects();
  LtDesc* product = find(all.descs, desc);
  LtLayout *w = find(all.layouts, a_layout), *x = find(all.layouts, b_layout), *z = find(all.layouts, c_layout),
           *y = find(all.layouts, d_layout);
  if (!find(all.handles, handle)) return LT_NOT_INITIALIZED;
  if (s.lost) return s.counts.calls_after_lost += s.lost_told, LT_EXECUTION_FAILED;
  if (!product || !w || !x || !y || !z || !alpha || !beta || !algorithm) return LT_INVALID_VALUE;
  if (int status = fails(kLtMatmul)) return status;
  if (int status = check_shapes(*product, *w, *x, *z, *y)) return status;
  const LtAlgorithm& chosen = *algorithm;
  if (chosen.magic != kMagic || chosen.n != y->rows || chosen.k != w->rows || chosen.stride_w != w->stride ||
      chosen.stride_x != x->stride || chosen.stride_y != y->stride || y->columns > chosen.rows)
    return deny(LT_INVALID_VALUE, "an algorithm of another product");
  if (workspace_bytes < chosen.workspace) return deny(LT_INVALID_VALUE, "too little workspace");
  int device = current_device();
  if (!holds((uint64_t)a, *w, device) || !holds((uint64_t)b, *x, device) || !holds((uint64_t)d, *y, device) ||
      (*beta != 0 && !holds((uint64_t)c, *z, device)))
    return deny(LT_INVALID_VALUE, "a matrix outside of its memory, or off 16 bytes");
  if ((uint64_t)workspace % 256 || (chosen.workspace && !find_device((uint64_t)workspace, workspace_bytes, device)))
    return deny(LT_INVALID_VALUE, "a workspace outside of its memory, or off 256 bytes");
  Op op(kProduct);
  LtCall p = {*w, *x, *y, (uint64_t)a, (uint64_t)b, (uint64_t)c, (uint64_t)d, (uint64_t)workspace, chosen.workspace,
              *alpha, *beta};
  op.data.assign((const char*)&p, (const char*)&p + sizeof p);
  s.counts.products++;
  return submit(stream_of(stream_handle), std::move(op)) == OK ? LT_OK : LT_EXECUTION_FAILED;
}
