#define EK_LOGITS_TABLE kAvx2Logits
#include "logits.h"
