/* Writes the logits that llama.cpp computes for given tokens: f32 [tokens][vocab], of every prompt in turn.
 *
 *   gcc -O2 -I LLAMA/include -I LLAMA/ggml/include llama_logits.c -o llama_logits \
 *       -L LLAMA/build/bin -lllama -lggml -lggml-base -Wl,-rpath,LLAMA/build/bin
 *   ./llama_logits MODEL.gguf IDS.txt OUT.f32        IDS.txt: a prompt a line, ids apart by spaces
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llama.h"

enum { MAX_TOKENS = 2048 };

static int read_ids(char* line, llama_token* ids) {
  int n = 0;
  for (char* p = strtok(line, " \n"); p && n < MAX_TOKENS; p = strtok(NULL, " \n")) ids[n++] = atoi(p);
  return n;
}

static void quiet(enum ggml_log_level level, const char* text, void* data) {
  (void)data;
  if (level == GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

int main(int argc, char** argv) {
  static char line[1 << 16];
  static llama_token ids[MAX_TOKENS];
  if (argc != 4) return fprintf(stderr, "usage: llama_logits MODEL.gguf IDS.txt OUT.f32\n"), 2;
  llama_log_set(quiet, NULL);
  struct llama_model* model = llama_model_load_from_file(argv[1], llama_model_default_params());
  FILE* in = fopen(argv[2], "r");
  FILE* out = fopen(argv[3], "wb");
  if (!model || !in || !out) return fprintf(stderr, "cannot open %s, %s or %s\n", argv[1], argv[2], argv[3]), 1;
  int vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));
  while (fgets(line, sizeof line, in)) {
    int n = read_ids(line, ids);
    if (n == 0) continue;
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = params.n_ubatch = MAX_TOKENS;
    params.type_k = params.type_v = GGML_TYPE_F32; /* only the weights' arithmetic is compared */
    params.n_threads = params.n_threads_batch = 2;
    struct llama_context* context = llama_init_from_model(model, params);
    struct llama_batch batch = llama_batch_init(n, 0, 1);
    for (int i = 0; i < n; i++) {
      batch.token[i] = ids[i];
      batch.pos[i] = i;
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = 0;
      batch.logits[i] = 1;
    }
    batch.n_tokens = n;
    if (!context || llama_decode(context, batch) != 0) return fprintf(stderr, "decoding failed\n"), 1;
    fwrite(llama_get_logits(context), sizeof(float), (size_t)n * vocab, out);
    llama_batch_free(batch);
    llama_free(context);
  }
  fclose(out);
  return 0;
}
