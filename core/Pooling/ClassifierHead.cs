using Engine.Loading;
using Engine.Models;
using Engine.Tokenization;

namespace Engine.Pooling;

/// <summary>Hidden states to the logits of labels, as *ForSequenceClassification has it.</summary>
internal sealed class ClassifierHead
{
    private readonly PoolingMode _mode;
    private readonly IReadOnlyList<DenseLayer> _layers;
    private readonly float[]? _normWeight;
    private readonly float _normEpsilon;

    private ClassifierHead(
        PoolingMode mode, IReadOnlyList<DenseLayer> layers, float[]? normWeight = null, float normEpsilon = 0)
    {
        _mode = mode;
        _layers = layers;
        _normWeight = normWeight;
        _normEpsilon = normEpsilon;
    }

    public int NumLabels => _layers[^1].NumOutputs;

    /// <summary>True for a class that has one.</summary>
    public static bool IsFor(string architecture) =>
        architecture.EndsWith("ForSequenceClassification", StringComparison.Ordinal);

    public static ClassifierHead Read(ModelConfig config, WeightSource weights, Tokenizer? tokenizer)
    {
        if (config.Json.Strings("classifier_from_token") is { } tokens)
        {
            return ReadFromTokens(config, weights, tokenizer, tokens);
        }
        int hidden = config.HiddenSize;
        string family = config.Architecture.Replace("ForSequenceClassification", "", StringComparison.Ordinal);
        return family switch
        {
            "Bert" => new ClassifierHead(PoolingMode.Cls,
            [
                DenseLayer.Read(weights, "bert.pooler.dense", hidden, hidden, DenseActivation.Tanh),
                DenseLayer.Read(weights, "classifier", NumLabelsOf(config), hidden),
            ]),
            "Roberta" or "XLMRoberta" => new ClassifierHead(PoolingMode.Cls,
            [
                DenseLayer.Read(weights, "classifier.dense", hidden, hidden, DenseActivation.Tanh),
                DenseLayer.Read(weights, "classifier.out_proj", NumLabelsOf(config), hidden),
            ]),
            "ModernBert" => ReadModernBert(config, weights),
            _ => new ClassifierHead(
                PoolingMode.LastToken, [DenseLayer.Read(weights, "score", NumLabelsOf(config), hidden)]),
        };
    }

    /// <summary>One logit per label, of the rows of one text.</summary>
    public float[] Apply(ReadOnlySpan<float> rows, int width)
    {
        float[] x = new float[width];
        Pooler.Pool(_mode, rows, width, x);
        for (int i = 0; i < _layers.Count; i++)
        {
            if (i == _layers.Count - 1 && _normWeight is not null) Norm(x);
            x = _layers[i].Apply(x);
        }

        return x;
    }

    /// <summary>num_labels, else the labels that id2label names, else 2 as transformers has it.</summary>
    public static int NumLabelsOf(ModelConfig config) =>
        config.Json.OptionalInt("num_labels", 1, 1 << 20) ?? config.Json.OptionalInt("_num_labels", 1, 1 << 20)
        ?? config.Json.Object("id2label")?.Count ?? 2;

    // A generator that answers with one of some tokens (Qwen3-Reranker: "no", "yes"): their rows of the output matrix.
    // Of two, the softmax's second entry is the sigmoid of the difference.
    private static ClassifierHead ReadFromTokens(
        ModelConfig config, WeightSource weights, Tokenizer? tokenizer, List<string> tokens)
    {
        string name = weights.Contains("lm_head.weight") ? "lm_head.weight"
            : weights.Contains("model.embed_tokens.weight") ? "model.embed_tokens.weight" : "embed_tokens.weight";
        int hidden = config.HiddenSize;
        float[] matrix = WeightSource.ReadVector(weights.Require(name, config.VocabSize, hidden));
        float[][] rows = [.. tokens.Select(token =>
        {
            int id = tokenizer?.TokenToId(token) ?? -1;
            return id >= 0
                ? matrix.AsSpan(id * hidden, hidden).ToArray()
                : throw config.Json.Bad("classifier_from_token", "tokens of the vocabulary", $"\"{token}\"");
        })];
        float[] weight = rows.Length == 2
            ? [.. rows[1].Zip(rows[0], (yes, no) => yes - no)]
            : [.. rows.SelectMany(row => row)];
        return new ClassifierHead(PoolingMode.LastToken, [DenseLayer.Of(weight, weight.Length / hidden)]);
    }

    private static ClassifierHead ReadModernBert(ModelConfig config, WeightSource weights)
    {
        int hidden = config.HiddenSize;
        string pooling = config.Json.String("classifier_pooling", "cls");
        string activation = config.Json.String("classifier_activation", "gelu");
        return new ClassifierHead(
            pooling switch
            {
                "cls" => PoolingMode.Cls,
                "mean" => PoolingMode.Mean,
                _ => throw config.Json.Bad("classifier_pooling", "cls or mean", $"\"{pooling}\""),
            },
            [
                DenseLayer.Read(weights, "head.dense", hidden, hidden, activation switch
                {
                    "gelu" => DenseActivation.Gelu,
                    "relu" => DenseActivation.Relu,
                    "tanh" => DenseActivation.Tanh,
                    _ => throw config.Json.Bad("classifier_activation", "gelu, relu or tanh", $"\"{activation}\""),
                }),
                DenseLayer.Read(weights, "classifier", NumLabelsOf(config), hidden),
            ],
            WeightSource.ReadVector(weights.Require("head.norm.weight", hidden)),
            config.Json.Float("norm_eps", 1e-5));
    }

    private void Norm(Span<float> x)
    {
        double mean = 0, square = 0;
        foreach (float value in x) mean += value;
        mean /= x.Length;
        foreach (float value in x) square += (value - mean) * (value - mean);
        double scale = 1 / Math.Sqrt((square / x.Length) + _normEpsilon);
        for (int i = 0; i < x.Length; i++) x[i] = (float)((x[i] - mean) * scale * _normWeight![i]);
    }
}
