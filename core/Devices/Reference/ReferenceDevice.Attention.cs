using Engine.Memory;

namespace Engine.Devices.Reference;

internal sealed unsafe partial class ReferenceDevice
{
    public long KvBlockBytes(KvStorageShape shape)
    {
        long bytes = 0;
        foreach ((int numKvHeads, int headDim) in shape.Layers)
        {
            bytes += 2L * shape.BlockSize * numKvHeads * headDim * ReferenceKvStorage.HeldAs(shape.Type).SizeOf();
        }
        return bytes;
    }

    public KvStorage CreateKvStorage(KvStorageShape shape, int numBlocks)
    {
        ReferenceBuffer Layer(int i) => new(
            (long)numBlocks * shape.BlockSize * shape.Layers[i].NumKvHeads * shape.Layers[i].HeadDim *
            ReferenceKvStorage.HeldAs(shape.Type).SizeOf());
        int n = shape.Layers.Count;
        return new ReferenceKvStorage
        {
            Shape = shape,
            NumBlocks = numBlocks,
            Keys = [.. Enumerable.Range(0, n).Select(Layer)],
            Values = [.. Enumerable.Range(0, n).Select(Layer)],
        };
    }

    public void WriteKv(
        KvStorage storage, int layer, TensorView key, TensorView value, ReadOnlySpan<int> slotMapping)
    {
        ReferenceKvStorage kv = (ReferenceKvStorage)storage;
        DType type = kv.Shape.Type, held = ReferenceKvStorage.HeldAs(type);
        int headDim = kv.Shape.Layers[layer].HeadDim;
        KvScale scale = kv.Shape.ScaleOf(layer);
        float[] rounded = System.Buffers.ArrayPool<float>.Shared.Rent(key.Columns);
        for (int t = 0; t < key.Rows; t++)
        {
            if (slotMapping[t] < 0) continue;
            long at = (long)slotMapping[t] * key.Columns;
            Span<float> row = rounded.AsSpan(0, key.Columns);
            HostOperations.Row(key, t).CopyTo(row);
            KvRounding.Round(row, headDim, type, scale.Key);
            for (int i = 0; i < row.Length; i++) FloatBits.Write(kv.Keys[layer].Address, at + i, held, row[i]);
            HostOperations.Row(value, t).CopyTo(row);
            KvRounding.Round(row, headDim, type, scale.Value);
            for (int i = 0; i < row.Length; i++) FloatBits.Write(kv.Values[layer].Address, at + i, held, row[i]);
        }
        System.Buffers.ArrayPool<float>.Shared.Return(rounded);
    }

    public void CopyBlocks(KvStorage storage, ReadOnlySpan<BlockCopy> copies)
    {
        ReferenceKvStorage kv = (ReferenceKvStorage)storage;
        for (int layer = 0; layer < kv.Keys.Length; layer++)
        {
            long bytes = kv.Keys[layer].Bytes / kv.NumBlocks;
            foreach (BlockCopy copy in copies)
            {
                CopyBlock(kv.Keys[layer], copy, bytes);
                CopyBlock(kv.Values[layer], copy, bytes);
            }
        }
    }

    public void Attention(
        TensorView output, TensorView query, KvStorage storage, int layer, in AttentionSettings settings,
        in AttentionBatch batch)
    {
        ReferenceKvStorage kv = (ReferenceKvStorage)storage;
        for (int b = 0; b < batch.ContextLens.Length; b++)
        {
            int first = batch.CuSeqlensQ[b], end = batch.CuSeqlensQ[b + 1];
            ReadOnlySpan<int> blocks = batch.BlockTables.Slice(
                b * batch.MaxBlocksPerRequest, batch.MaxBlocksPerRequest);
            for (int t = first; t < end; t++)
            {
                int position = batch.ContextLens[b] - (end - t);
                AttendToken(
                    HostOperations.Row(output, t), HostOperations.Row(query, t), kv, layer, settings, blocks,
                    position, batch.ContextLens[b]);
            }
        }
    }

    // softmax(q K^T * scale) V over the tokens that a token at this position sees.
    private static void AttendToken(
        Span<float> output, ReadOnlySpan<float> query, ReferenceKvStorage kv, int layer,
        in AttentionSettings settings, ReadOnlySpan<int> blocks, int position, int contextLen)
    {
        int headDim = settings.HeadDim, kvWidth = settings.NumKvHeads * headDim;
        int group = settings.NumHeads / settings.NumKvHeads, blockSize = kv.Shape.BlockSize;
        int reach = settings.SlidingWindow > 0 ? settings.SlidingWindow : contextLen;
        int start = Math.Max(0, position - reach + (settings.IsBidirectional ? 0 : 1));
        int last = settings.IsBidirectional ? Math.Min(contextLen - 1, position + reach) : position;
        int count = last - start + 1;
        double[] scores = System.Buffers.ArrayPool<double>.Shared.Rent(count);
        float[] row = System.Buffers.ArrayPool<float>.Shared.Rent(headDim);
        Span<double> sums = stackalloc double[headDim];
        for (int head = 0; head < settings.NumHeads; head++)
        {
            ReadOnlySpan<float> q = query.Slice(head * headDim, headDim);
            int offset = head / group * headDim;
            double max = double.NegativeInfinity;
            for (int j = 0; j < count; j++)
            {
                long at = (SlotOf(blocks, start + j, blockSize) * kvWidth) + offset;
                FloatBits.Read(row.AsSpan(0, headDim), kv.Keys[layer].Address, at, kv.HeldType);
                double dot = 0;
                for (int i = 0; i < headDim; i++) dot += (double)q[i] * row[i];
                dot *= settings.Scale;
                if (settings.SoftCap > 0) dot = settings.SoftCap * Math.Tanh(dot / settings.SoftCap);
                if (settings.AlibiSlopes is DeviceBuffer slopes)
                {
                    dot += ((float*)slopes.Address)[head] * (double)(start + j - position);
                }
                scores[j] = dot;
                max = Math.Max(max, dot);
            }
            double total = 0;
            sums.Clear();
            for (int j = 0; j < count; j++)
            {
                double weight = Math.Exp(scores[j] - max);
                total += weight;
                long at = (SlotOf(blocks, start + j, blockSize) * kvWidth) + offset;
                FloatBits.Read(row.AsSpan(0, headDim), kv.Values[layer].Address, at, kv.HeldType);
                for (int i = 0; i < headDim; i++) sums[i] += weight * row[i];
            }
            for (int i = 0; i < headDim; i++) output[(head * headDim) + i] = (float)(sums[i] / total);
        }
        System.Buffers.ArrayPool<float>.Shared.Return(row);
        System.Buffers.ArrayPool<double>.Shared.Return(scores);
    }

    private static long SlotOf(ReadOnlySpan<int> blocks, int position, int blockSize) =>
        ((long)blocks[position / blockSize] * blockSize) + (position % blockSize);

    private static void CopyBlock(ReferenceBuffer buffer, BlockCopy copy, long bytes) =>
        Buffer.MemoryCopy(
            (byte*)buffer.Address + (copy.Source * bytes), (byte*)buffer.Address + (copy.Destination * bytes),
            bytes, bytes);
}
