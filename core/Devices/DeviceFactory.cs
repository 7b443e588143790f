using System.Globalization;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Devices.Reference;
using Engine.Hosting;
using Engine.Memory;

namespace Engine.Devices;

/// <summary>Devices by name.</summary>
internal static class DeviceFactory
{
    /// <summary>The device that the options name.</summary>
    /// <param name="options">How the model is loaded.</param>
    /// <param name="type">What it is computed in.</param>
    /// <param name="rounding">What matrices are rounded to as they are packed.</param>
    public static IDevice Create(ModelLoadOptions options, DType type, WeightQuantization rounding)
    {
        return options.Device switch
        {
            "cpu" => CreateCpu(CpuOptions(options, rounding)),
            "reference" when rounding != WeightQuantization.None => throw EngineException.Invalid(
                "quantization", $"expected none on the reference device, found \"{options.Quantization}\""),
            "reference" => new ReferenceDevice(FollowsInputs(options)),
            string name when CudaOrdinal(name) is int ordinal => CreateCuda(options, type, ordinal, rounding),
            _ => throw EngineException.Invalid(
                "device", $"expected cpu, cuda, cuda:N or reference, found \"{options.Device}\""),
        };
    }

    /// <summary>A device for a plan: a GPU whose memory is given need not be there.</summary>
    public static IDevice CreateForPlan(ModelLoadOptions options, DType type, WeightQuantization rounding)
    {
        if (options.GpuMemoryBytes is not long bytes) return Create(options, type, rounding);
        if (CudaOrdinal(options.Device) is null)
        {
            throw EngineException.Invalid("gpu_memory", $"device is {options.Device}; a plan for a GPU takes cuda");
        }

        return bytes > 0 ? CudaDevice.ForPlan(type, bytes, FollowsInputs(options), CudaOptions(options))
            : throw EngineException.Invalid("gpu_memory", $"expected more than 0 bytes, found {bytes}");
    }

    /// <summary>N of "cuda:N", 0 of "cuda", null for other devices.</summary>
    public static int? CudaOrdinal(string device)
    {
        const string Cuda = "cuda";
        if (device == Cuda) return 0;
        return device.StartsWith(Cuda + ":", StringComparison.Ordinal)
            && int.TryParse(
                device.AsSpan(Cuda.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal)
            ? ordinal : null;
    }

    private static CudaDevice CreateCuda(
        ModelLoadOptions options, DType type, int ordinal, WeightQuantization rounding)
    {
        if (rounding != WeightQuantization.None)
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"quantization: expected none on a GPU, which rounds no weights as it loads them, found "
                + $"\"{options.Quantization}\"; engine convert MODEL --out DIR --quantization {rounding.ToString().ToLowerInvariant()} "
                + "does it once",
                "quantization");
        }

        return new CudaDevice(CudaOptions(options) with
        {
            Ordinal = ordinal,
            ActivationType = type,
            FollowsInputs = FollowsInputs(options),
        });
    }

    private static CudaDeviceOptions CudaOptions(ModelLoadOptions options)
    {
        CudaDeviceOptions given = options.Cuda ?? new CudaDeviceOptions();
        return given with
        {
            UsesGraphs = given.UsesGraphs && !options.EnforceEager,
            RunsAhead = options.AsyncScheduling ?? given.RunsAhead,
            GraphSizes = StepGraphs.Sizes(options.GraphSizes, options.MaxGraphSize),
        };
    }

    private static CpuDeviceOptions CpuOptions(ModelLoadOptions options, WeightQuantization rounding) => new()
    {
        NumThreads = NumThreads(options),
        Cpus = options.Cpus is null ? null : CpuList.Parse(options.Cpus),
        InterleaveMemory = options.Numa switch
        {
            "local" => false,
            "interleave" => true,
            var other => throw EngineException.Invalid("numa", $"expected local or interleave, found \"{other}\""),
        },
        Quantization = rounding,
        ActivationPrecision = PrecisionOf(options),
    };

    private static ActivationPrecision PrecisionOf(ModelLoadOptions options) => options.ActivationPrecision switch
    {
        "auto" => ActivationPrecision.Auto,
        "8" => ActivationPrecision.Bits8,
        "15" => ActivationPrecision.Bits15,
        "float" => ActivationPrecision.Float,
        var other => throw EngineException.Invalid(
            "activation_precision", $"expected auto, 8, 15 or float, found \"{other}\""),
    };

    // Rounding of its own, 8 and 15, is the CPU's: other devices follow the checkpoint or round nothing.
    private static bool FollowsInputs(ModelLoadOptions options) => PrecisionOf(options) == ActivationPrecision.Auto;

    private static CpuDevice CreateCpu(CpuDeviceOptions options)
    {
        try
        {
            return new CpuDevice(options);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            throw new EngineException(
                EngineStatus.Unsupported, $"device: the native kernels cannot be loaded: {e.Message}", "device", e);
        }
    }

    /// <summary>Worker threads: the option; 0 is every CPU this process may use.</summary>
    public static int NumThreads(ModelLoadOptions options)
    {
        if (options.NumThreads < 0)
        {
            throw EngineException.Invalid("num_threads", $"expected 0 or more, found {options.NumThreads}");
        }
        return options.NumThreads;
    }
}
