#define EK_LOGITS_TABLE kBaselineLogits
#include "logits.h"
