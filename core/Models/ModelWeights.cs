using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Execution;
using Engine.Hosting;
using Engine.Loading;
using Engine.Memory;

namespace Engine.Models;

/// <summary>A model with its weights on a device.</summary>
internal sealed class ModelWeights : IDisposable
{
    private const long PageBytesMax = 8 << 20;
    private readonly List<IDisposable> _owned;

    private ModelWeights(ModelBuilder builder, DecoderModel model, List<IDisposable> owned)
    {
        Config = builder.Config;
        Device = builder.Device;
        Model = model;
        Activations = builder.Activations;
        KvLayers = builder.KvLayers;
        Kv = KvLayout.Of(builder.KvLayers, builder.Weights);
        ComputeType = builder.ComputeType;
        NumParameters = builder.NumParameters;
        IsTied = builder.IsTied;
        _owned = owned;
        foreach (IDisposable item in owned)
        {
            Bytes += item is LinearWeight weight ? weight.Bytes : ((DeviceBuffer)item).Bytes;
        }
    }

    public ModelConfig Config { get; }

    public IDevice Device { get; }

    public DecoderModel Model { get; }

    public ActivationShape Activations { get; }

    public IReadOnlyList<(int NumKvHeads, int HeadDim)> KvLayers { get; }

    /// <summary>The same with what the checkpoint says of the KV cache.</summary>
    public KvLayout Kv { get; }

    public DType ComputeType { get; }

    /// <summary>Parameters, tied ones once.</summary>
    public long NumParameters { get; }

    /// <summary>True if the output matrix is the embedding.</summary>
    public bool IsTied { get; }

    /// <summary>Bytes on the device.</summary>
    public long Bytes { get; }

    /// <summary>Held for a step: engines that share a model take turns on a device that serves one.</summary>
    public Lock DeviceLock { get; } = new();

    /// <summary>Walks the model without reading a weight: bytes, shapes, names.</summary>
    public static ModelBuilder Plan(ModelConfig config, IDevice device, WeightSource weights, DType type)
    {
        ModelBuilder builder = new(config, device, weights, type, isPlan: true);
        ArchitectureRegistry.Find(config.Architecture, config.Purpose)(builder);
        weights.CheckAllTaken(
            config.Architecture,
            name => ArchitectureRegistry.IsStray(name, builder.IsTied)
                || (config.Purpose == ModelPurpose.Pool && ArchitectureRegistry.IsHead(name)));
        return builder;
    }

    /// <summary>Makes the device that the options name, loads the model onto it, and hands both over.</summary>
    /// <param name="options">What to load, and how.</param>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its tensors.</param>
    /// <param name="type">What it computes in.</param>
    /// <param name="own">Makes what owns weights and device from then on; if it fails, both are freed.</param>
    /// <param name="cancellation">Stops between tensors.</param>
    public static T LoadOnto<T>(
        ModelLoadOptions options, ModelConfig config, WeightSource weights, DType type, Func<ModelWeights, T> own,
        CancellationToken cancellation)
    {
        using CallerContext context = CallerContext.Keep();
        IDevice device = DeviceFactory.Create(options, type, weights.RoundTo);
        try
        {
            ModelWeights loaded = Load(config, device, weights, type, options.Progress, cancellation);
            try
            {
                return own(loaded);
            }
            catch
            {
                loaded.Dispose();
                throw;
            }
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>Builds the model and packs its weights with several threads.</summary>
    public static ModelWeights Load(
        ModelConfig config, IDevice device, WeightSource weights, DType type,
        IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        // The plan finds every wrong name and shape before the first byte is packed.
        ModelBuilder plan = Plan(config, device, weights, type);
        long free = device.Memory().FreeBytes;
        if (plan.PlannedBytes > free)
        {
            throw new EngineException(
                EngineStatus.OutOfMemory,
                $"the weights of {config.Architecture} take {plan.PlannedBytes} bytes, {free} are free", "model");
        }
        if (weights is DummyWeights dummy) dummy.Fill();
        ModelBuilder builder = new(config, device, weights, type, isPlan: false);
        List<IDisposable> owned = [];
        try
        {
            device.ReserveWeights(plan.PlannedBytes);
            DecoderModel model = ArchitectureRegistry.Find(config.Architecture, config.Purpose)(builder);
            Pack(builder.Jobs, device, weights, owned, progress, cancellation);
            owned.AddRange(builder.Owned);
            return new ModelWeights(builder, model, owned);
        }
        catch
        {
            foreach (IDisposable item in owned.Concat(builder.Owned).Distinct()) item.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (IDisposable item in _owned) item.Dispose();
        _owned.Clear();
    }

    internal static void Pack(
        IReadOnlyList<PackJob> jobs, IDevice device, WeightSource weights, List<IDisposable> owned,
        IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        long total = jobs.Sum(j => j.SourceBytes), done = 0, reported = 0, kept = 0;
        progress?.Report(new LoadProgress("weights", 0, total));
        ParallelOptions options = new()
        {
            // A device that takes one call at a time spreads each weight over its own threads.
            MaxDegreeOfParallelism = device.AllowsConcurrentCalls ? Environment.ProcessorCount : 1,
            CancellationToken = cancellation,
        };
        try
        {
            Parallel.ForEach(jobs, options, job =>
            {
                long read = 0;
                job.Source.OnRead = bytes =>
                {
                    read += bytes;
                    Release(bytes);
                };
                LinearWeight weight = job.IsEmbedding
                    ? device.PackEmbedding(job.Source)
                    : device.PackLinear(job.Source);
                Release(job.SourceBytes - read);
                lock (owned)
                {
                    owned.Add(weight);
                    job.Set(weight);
                    done += job.SourceBytes;
                    // A report per percent is enough for a bar and cheap for a callback.
                    if (done == total || (done - reported) * 100 >= total)
                    {
                        reported = done;
                        progress?.Report(new LoadProgress("weights", done, total));
                    }
                }
            });
        }
        catch (OperationCanceledException e)
        {
            throw new EngineException(EngineStatus.Cancelled, "loading was cancelled", null, e);
        }
        catch (AggregateException e)
        {
            EngineException? first = e.Flatten().InnerExceptions.OfType<EngineException>().FirstOrDefault();
            throw first ?? new EngineException(
                EngineStatus.Internal, $"packing the weights failed: {e.InnerException?.Message}", null, e);
        }

        // Else a model would be resident twice: as the file and as what is packed.
        void Release(long bytes)
        {
            if (Interlocked.Add(ref kept, bytes) < PageBytesMax) return;
            Interlocked.Exchange(ref kept, 0);
            weights.DropPages();
        }
    }
}
