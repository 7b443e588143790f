using Engine.Memory;

namespace Engine.Devices.Reference;

internal sealed unsafe partial class ReferenceDevice
{
    public void Activate(TensorView y, TensorView x, Activation activation)
    {
        for (int t = 0; t < x.Rows; t++)
        {
            ReadOnlySpan<float> source = HostOperations.Row(x, t);
            Span<float> target = HostOperations.Row(y, t);
            for (int i = 0; i < source.Length; i++) target[i] = (float)Apply(source[i], activation);
        }
    }

    public void ActivateAndMultiply(TensorView y, TensorView gateUp, Activation activation)
    {
        int n = y.Columns;
        for (int t = 0; t < gateUp.Rows; t++)
        {
            ReadOnlySpan<float> source = HostOperations.Row(gateUp, t);
            Span<float> target = HostOperations.Row(y, t);
            for (int i = 0; i < n; i++) target[i] = (float)(Apply(source[i], activation) * source[n + i]);
        }
    }

    public void Rope(
        TensorView x, ReadOnlySpan<int> positions, DeviceBuffer cosSin, int headDim, int rotaryDim,
        bool interleaved)
    {
        int half = rotaryDim / 2;
        for (int t = 0; t < x.Rows; t++)
        {
            float* cos = (float*)cosSin.Address + ((long)positions[t] * rotaryDim);
            float* sin = cos + half;
            Span<float> row = HostOperations.Row(x, t);
            for (int head = 0; head < row.Length; head += headDim)
            {
                for (int i = 0; i < half; i++)
                {
                    int a = head + (interleaved ? 2 * i : i);
                    int b = head + (interleaved ? (2 * i) + 1 : i + half);
                    double u = row[a], v = row[b];
                    row[a] = (float)((u * cos[i]) - (v * sin[i]));
                    row[b] = (float)((v * cos[i]) + (u * sin[i]));
                }
            }
        }
    }

    internal static double Apply(double x, Activation activation) => activation switch
    {
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.Gelu => 0.5 * x * ErrorFunction.Complementary(-x / Math.Sqrt(2)),
        Activation.GeluTanh =>
            0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))),
        Activation.Relu => Math.Max(x, 0),
        Activation.ReluSquared => Math.Max(x, 0) * Math.Max(x, 0),
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };
}
