// What each ISA level offers for rows of logits.
#pragma once

#include "engine_logits.h"

namespace engine {

struct LogitsTable {
  int32_t (*scan)(const float*, int64_t, float*);
  double (*sum_exp)(const float*, int64_t, const float*, float, float, double*);
  void (*weights)(const float*, int64_t, float, float, float*);
};

extern const LogitsTable kBaselineLogits;
#if defined(__x86_64__)
extern const LogitsTable kAvx2Logits;
extern const LogitsTable kAvx512Logits;
#endif

}  // namespace engine
