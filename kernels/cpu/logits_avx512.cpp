#define EK_LOGITS_TABLE kAvx512Logits
#include "logits.h"
