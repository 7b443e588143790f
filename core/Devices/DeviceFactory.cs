using Engine.Devices.Cpu;
using Engine.Devices.Reference;
using Engine.Hosting;

namespace Engine.Devices;

/// <summary>Devices by name.</summary>
internal static class DeviceFactory
{
    public static IDevice Create(ModelLoadOptions options) => options.Device switch
    {
        "cpu" => CreateCpu(NumThreads(options)),
        "reference" => new ReferenceDevice(),
        _ => throw EngineException.Invalid("device", $"expected cpu or reference, found \"{options.Device}\""),
    };

    private static CpuDevice CreateCpu(int numThreads)
    {
        try
        {
            return new CpuDevice(new CpuDeviceOptions { NumThreads = numThreads });
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
