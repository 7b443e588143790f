namespace Engine.Tests.Hosting;

/// <summary>A folder with nothing but the config.json of a Llama.</summary>
internal static class DummyModel
{
    public static string Create(int hidden, int layers, int vocab, string dtype = "bfloat16")
    {
        string folder = Directory.CreateTempSubdirectory("engine-test-").FullName;
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""
            {
              "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "{{dtype}}",
              "vocab_size": {{vocab}}, "hidden_size": {{hidden}}, "intermediate_size": {{2 * hidden}},
              "num_hidden_layers": {{layers}}, "num_attention_heads": {{hidden / 16}},
              "num_key_value_heads": {{hidden / 32}}, "hidden_act": "silu", "rms_norm_eps": 1e-5,
              "max_position_embeddings": 512, "rope_theta": 10000.0, "tie_word_embeddings": false
            }
            """);
        return folder;
    }
}
