using System.Numerics;
using Engine.Devices.Reference;
using Engine.Loading;

namespace Engine.Pooling;

/// <summary>
/// y = activation(W x + b) of one vector. A head sees one row per text, where the layers below saw hundreds: it is
/// computed where the row already is.
/// </summary>
internal sealed class DenseLayer
{
    private readonly float[] _weight;
    private readonly float[]? _bias;
    private readonly DenseActivation _activation;

    private DenseLayer(float[] weight, float[]? bias, int outputs, DenseActivation activation)
    {
        _weight = weight;
        _bias = bias;
        _activation = activation;
        NumOutputs = outputs;
        NumInputs = weight.Length / outputs;
    }

    public int NumInputs { get; }

    public int NumOutputs { get; }

    public long Bytes => ((long)_weight.Length + (_bias?.Length ?? 0)) * sizeof(float);

    /// <summary>Reads NAME.weight and NAME.bias if it is there.</summary>
    public static DenseLayer Read(
        WeightSource weights, string name, int outputs, int inputs, DenseActivation activation = DenseActivation.None)
    {
        float[]? bias = weights.Contains($"{name}.bias")
            ? WeightSource.ReadVector(weights.Require($"{name}.bias", outputs))
            : null;
        return new DenseLayer(
            WeightSource.ReadVector(weights.Require($"{name}.weight", outputs, inputs)), bias, outputs, activation);
    }

    /// <summary>From rows of a matrix, without bias.</summary>
    public static DenseLayer Of(float[] weight, int outputs) => new(weight, null, outputs, DenseActivation.None);

    public float[] Apply(ReadOnlySpan<float> x)
    {
        var y = new float[NumOutputs];
        for (int n = 0; n < y.Length; n++)
        {
            float sum = Dot(_weight.AsSpan(n * NumInputs, NumInputs), x) + (_bias?[n] ?? 0);
            y[n] = _activation switch
            {
                DenseActivation.Tanh => MathF.Tanh(sum),
                DenseActivation.Gelu => Gelu(sum),
                DenseActivation.Relu => Math.Max(sum, 0),
                DenseActivation.Sigmoid => 1 / (1 + MathF.Exp(-sum)),
                DenseActivation.Silu => sum / (1 + MathF.Exp(-sum)),
                _ => sum,
            };
        }

        return y;
    }

    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Vector<float> sums = Vector<float>.Zero;
        int i = 0;
        for (; i <= a.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            sums += new Vector<float>(a[i..]) * new Vector<float>(b[i..]);
        }

        float sum = Vector.Sum(sums);
        for (; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }

    private static float Gelu(float x) => (float)(0.5 * x * ErrorFunction.Complementary(-x / Math.Sqrt(2)));
}

/// <summary>Activations of heads.</summary>
internal enum DenseActivation
{
    /// <summary>y.</summary>
    None,

    /// <summary>tanh(y).</summary>
    Tanh,

    /// <summary>gelu(y), exact.</summary>
    Gelu,

    /// <summary>max(y, 0).</summary>
    Relu,

    /// <summary>1 / (1 + exp(-y)).</summary>
    Sigmoid,

    /// <summary>y / (1 + exp(-y)).</summary>
    Silu,
}
