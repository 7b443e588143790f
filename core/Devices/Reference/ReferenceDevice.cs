using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices.Reference;

/// <summary>
/// Every operation as the definition has it, one element after another, sums in double. Slow; the
/// oracle that other devices are held against, and good enough for tiny models.
/// </summary>
/// <param name="followsInputs">Inputs of quantized weights are rounded as the checkpoint says.</param>
internal sealed unsafe partial class ReferenceDevice(bool followsInputs = false) : IDevice
{
    public string Name => "reference (scalar, double accumulation)";

    public DType ActivationType => DType.F32;

    public bool AllowsConcurrentCalls => true;

    public bool EmbedsPackedLinear => true;

    public void Dispose()
    {
    }

    public DeviceBuffer Allocate(long bytes) => new ReferenceBuffer(bytes);

    public DeviceBuffer Upload(ReadOnlySpan<float> values)
    {
        ReferenceBuffer buffer = new((long)values.Length * sizeof(float));
        values.CopyTo(new Span<float>((void*)buffer.Address, values.Length));
        return buffer;
    }

    public long PackedLinearBytes(LinearSource source) =>
        (long)source.N * source.K * source.ComputeType.SizeOf();

    public LinearWeight PackEmbedding(LinearSource source) => PackLinear(source);

    public LinearWeight PackLinear(LinearSource source)
    {
        long bytes = PackedLinearBytes(source);
        ReferenceBuffer rows = new(bytes);
        Parallel.For(
            0, source.N, () => new float[source.K],
            (n, _, values) =>
            {
                LinearRows.Read(source, n, values);
                for (int k = 0; k < source.K; k++)
                {
                    FloatBits.Write(rows.Address, ((long)n * source.K) + k, source.ComputeType, values[k]);
                }

                return values;
            },
            static _ => { });
        return new ReferenceWeight
        {
            N = source.N,
            K = source.K,
            Bytes = bytes,
            Type = source.ComputeType,
            Rows = rows,
            Inputs = [.. source.Parts.Select(p => (p.N, followsInputs ? p.Matrix?.Inputs ?? default : default))],
        };
    }

    public void Embed(TensorView y, LinearWeight table, ReadOnlySpan<int> ids, float scale)
    {
        ReferenceWeight w = (ReferenceWeight)table;
        for (int t = 0; t < ids.Length; t++)
        {
            Span<float> row = HostOperations.Row(y, t);
            FloatBits.Read(row, w.Rows.Address, (long)ids[t] * w.K, w.Type);
            for (int i = 0; i < row.Length; i++) row[i] *= scale;
        }
    }

    public void Linear(
        TensorView y, TensorView x, LinearWeight weight, DeviceBuffer? bias, bool accumulate)
    {
        ReferenceWeight w = (ReferenceWeight)weight;
        if (w.Inputs.All(part => part.Scheme.Rounding == InputRounding.Own))
        {
            Multiply(y, x, w, bias, accumulate, 0, w.N);
            return;
        }

        int first = 0;
        using ReferenceBuffer buffer = new((long)x.Rows * x.Columns * sizeof(float));
        TensorView rounded = buffer.View(DType.F32, x.Rows, x.Columns);
        foreach ((int count, InputScheme scheme) in w.Inputs)
        {
            for (int t = 0; t < x.Rows; t++)
                InputRounder.Round(scheme, HostOperations.Row(x, t), HostOperations.Row(rounded, t));
            Multiply(y, rounded, w, bias, accumulate, first, first + count);
            first += count;
        }
    }

    // Outputs [first, end).
    private static void Multiply(
        TensorView y, TensorView x, ReferenceWeight w, DeviceBuffer? bias, bool accumulate, int first, int end)
    {
        float* b = bias is null ? null : (float*)bias.Address;
        float[] row = System.Buffers.ArrayPool<float>.Shared.Rent(w.K);
        for (int n = first; n < end; n++)
        {
            FloatBits.Read(row.AsSpan(0, w.K), w.Rows.Address, (long)n * w.K, w.Type);
            for (int t = 0; t < x.Rows; t++)
            {
                ReadOnlySpan<float> input = HostOperations.Row(x, t);
                double sum = b == null ? 0 : b[n];
                for (int k = 0; k < input.Length; k++) sum += (double)row[k] * input[k];
                Span<float> output = HostOperations.Row(y, t);
                output[n] = (float)(accumulate ? output[n] + sum : sum);
            }
        }
        System.Buffers.ArrayPool<float>.Shared.Return(row);
    }

    public void RmsNorm(
        TensorView y, TensorView x, DeviceBuffer? weight, float epsilon, float weightOffset = 0,
        int groups = 1)
    {
        float* w = weight is null ? null : (float*)weight.Address;
        int n = x.Columns / groups;
        for (int t = 0; t < x.Rows; t++)
        {
            for (int g = 0; g < groups; g++)
            {
                ReadOnlySpan<float> source = HostOperations.Row(x, t).Slice(g * n, n);
                Span<float> target = HostOperations.Row(y, t).Slice(g * n, n);
                double squares = 0;
                foreach (float v in source) squares += (double)v * v;
                double scale = 1 / Math.Sqrt((squares / n) + epsilon);
                for (int i = 0; i < n; i++)
                {
                    double factor = w == null ? 1 : (double)w[i] + weightOffset;
                    target[i] = (float)(source[i] * scale * factor);
                }
            }
        }
    }

    public void LayerNorm(
        TensorView y, TensorView x, DeviceBuffer weight, DeviceBuffer? bias, float epsilon,
        int groups = 1, bool perGroupWeight = false)
    {
        int n = x.Columns / groups;
        for (int t = 0; t < x.Rows; t++)
        {
            for (int g = 0; g < groups; g++)
            {
                float* w = (float*)weight.Address + (perGroupWeight ? g * n : 0);
                float* b = bias is null ? null : (float*)bias.Address + (perGroupWeight ? g * n : 0);
                ReadOnlySpan<float> source = HostOperations.Row(x, t).Slice(g * n, n);
                Span<float> target = HostOperations.Row(y, t).Slice(g * n, n);
                double mean = 0, variance = 0;
                foreach (float v in source) mean += v;
                mean /= n;
                foreach (float v in source) variance += (v - mean) * (v - mean);
                double scale = 1 / Math.Sqrt((variance / n) + epsilon);
                for (int i = 0; i < n; i++)
                {
                    target[i] = (float)(((source[i] - mean) * scale * w[i]) + (b == null ? 0 : b[i]));
                }
            }
        }
    }

    public void AddScaled(TensorView y, TensorView x, float scale = 1f)
    {
        for (int t = 0; t < x.Rows; t++)
        {
            Span<float> target = HostOperations.Row(y, t);
            ReadOnlySpan<float> source = HostOperations.Row(x, t);
            for (int i = 0; i < source.Length; i++)
            {
                target[i] = (float)(target[i] + ((double)source[i] * scale));
            }
        }
    }

    public void Scale(TensorView x, float scale)
    {
        for (int t = 0; t < x.Rows; t++)
        {
            foreach (ref float v in HostOperations.Row(x, t)) v *= scale;
        }
    }

    public void SoftCap(TensorView x, float cap)
    {
        for (int t = 0; t < x.Rows; t++)
        {
            foreach (ref float v in HostOperations.Row(x, t)) v = (float)(cap * Math.Tanh((double)v / cap));
        }
    }

    public void GatherRows(TensorView y, TensorView x, ReadOnlySpan<int> rowIndices)
    {
        for (int i = 0; i < rowIndices.Length; i++)
        {
            HostOperations.Row(x, rowIndices[i]).CopyTo(HostOperations.Row(y, i));
        }
    }

    public void Download(Span<float> destination, TensorView source)
    {
        for (int t = 0; t < source.Rows; t++)
        {
            HostOperations.Row(source, t).CopyTo(destination.Slice(t * source.Columns, source.Columns));
        }
    }
}
