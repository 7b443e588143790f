using System.Text;

namespace Engine.Devices.Cuda;

/// <summary>A kernel that is ready to be launched.</summary>
internal sealed class CudaFunction(string name, nint handle, bool waits = false)
{
    public string Name => name;

    public nint Handle => handle;

    /// <summary>Waits for the launches in front of it, so that it may begin before they have ended.</summary>
    public bool Waits => waits;

    /// <summary>Dynamic shared memory allowed so far.</summary>
    public uint SharedBytes { get; set; } = 48 << 10;
}

/// <summary>
/// Kernels by name. A module is compiled for the GPU when the first of its kernels is asked for; the machine code is
/// kept on disk.
/// </summary>
internal sealed unsafe class CudaModules : IDisposable
{
    private readonly CudaContext _context;
    private readonly CudaImages _images;
    private readonly CubinCache _cache;
    private readonly Dictionary<string, (string Module, string Target)> _homes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, nint> _modules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CudaFunction> _functions = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    public CudaModules(CudaContext context, CudaImages images, CubinCache cache)
    {
        _context = context;
        _images = images;
        _cache = cache;
        IReadOnlyList<string> targets = CudaImages.Targets(context.Capability);
        foreach (string target in targets)
        {
            foreach (string module in images.Modules(target))
            {
                // A better target's kernel of the same name comes first and stays.
                foreach (string entry in images.Kernels(module, target))
                {
                    _homes.TryAdd(entry, (module, target));
                }
            }
        }

        if (_homes.Count == 0)
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"device: this build has no CUDA kernels for {string.Join(" or ", targets)} "
                + $"({context.Name}, cuda:{context.Ordinal})",
                "device");
        }
    }

    /// <summary>Modules that have been compiled or read from the cache.</summary>
    public int NumLoaded => _modules.Count;

    public bool Has(string name) => _homes.ContainsKey(name);

    /// <summary>The kernel of that name.</summary>
    /// <exception cref="EngineException">Unsupported if there is none; a failed compilation names the module and has
    /// the driver's log.</exception>
    public CudaFunction Find(string name)
    {
        lock (_lock)
        {
            if (_functions.TryGetValue(name, out CudaFunction? function)) return function;
            if (!_homes.TryGetValue(name, out (string Module, string Target) home))
            {
                throw new EngineException(
                    EngineStatus.Unsupported, $"cuda:{_context.Ordinal}: this build has no kernel {name}", "device");
            }

            nint module = Module(home.Module, home.Target);
            nint handle;
            fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
            {
                _context.Enter();
                _context.Check(
                    _context.Driver.ModuleGetFunction(&handle, module, text), $"cuModuleGetFunction({name})");
            }

            function = new CudaFunction(name, handle, CudaImages.Waits(home.Target));
            _functions.Add(name, function);
            return function;
        }
    }

    public void Dispose()
    {
        foreach (nint module in _modules.Values)
        {
            if (_context.TryEnter()) _context.Quiet(_context.Driver.ModuleUnload(module));
        }

        _modules.Clear();
        _functions.Clear();
    }

    private nint Module(string name, string target)
    {
        string id = $"{name}.{target}";
        if (_modules.TryGetValue(id, out nint module)) return module;
        byte[] ptx = _images.Read(name, target);
        string key = CubinCache.Key(ptx, _context.DriverVersion, _context.Capability);
        byte[]? cubin = _cache.Read(key);
        if (cubin is not null && TryLoad(cubin, out module) == CudaResult.Success)
        {
            _modules.Add(id, module);
            return module;
        }

        // A cached file that the driver refuses is damaged or another driver's: it is compiled and written again.
        cubin = Compile(id, ptx);
        CudaResult result = TryLoad(cubin, out module);
        _context.Check(result, $"cuModuleLoadDataEx({id})");
        _modules.Add(id, module);
        _cache.Write(key, cubin);
        return module;
    }

    private CudaResult TryLoad(byte[] cubin, out nint module)
    {
        nint loaded = 0;
        _context.Enter();
        CudaResult result;
        fixed (byte* image = cubin)
        {
            result = _context.Driver.ModuleLoadData(&loaded, (nint)image, 0, null, null);
        }

        module = loaded;
        if (result is CudaResult.OutOfMemory || result.IsSticky())
        {
            _context.Check(result, "cuModuleLoadDataEx");
        }

        return result;
    }

    private byte[] Compile(string id, byte[] ptx)
    {
        const int LogBytes = 16 << 10;
        const int Ptx = 1;
        byte[] log = new byte[LogBytes];
        CudaJitOption* options = stackalloc[] { CudaJitOption.ErrorLog, CudaJitOption.ErrorLogBytes };
        _context.Enter();
        CudaDriver driver = _context.Driver;
        fixed (byte* text = ptx, errors = log, name = Encoding.UTF8.GetBytes(id + '\0'))
        {
            nint* values = stackalloc nint[] { (nint)errors, LogBytes };
            nint link;
            _context.Check(driver.LinkCreate(2, options, values, &link), $"cuLinkCreate({id})");
            try
            {
                CudaResult result = driver.LinkAddData(link, Ptx, (nint)text, (nuint)ptx.Length, name, 0, null, null);
                nint image = 0;
                nuint bytes = 0;
                if (result == CudaResult.Success) result = driver.LinkComplete(link, &image, &bytes);
                if (result != CudaResult.Success) throw CompileFailure(id, result, log);
                return new ReadOnlySpan<byte>((void*)image, checked((int)bytes)).ToArray();
            }
            finally
            {
                if (_context.TryEnter()) _context.Quiet(driver.LinkDestroy(link));
            }
        }
    }

    private EngineException CompileFailure(string id, CudaResult result, byte[] log)
    {
        if (result is CudaResult.OutOfMemory || result.IsSticky()) _context.Check(result, $"compiling {id}");
        int end = Array.IndexOf(log, (byte)0);
        string text = Encoding.UTF8.GetString(log, 0, end < 0 ? log.Length : end).Trim();
        string hint = result == CudaResult.UnsupportedPtxVersion
            ? $"; the driver (CUDA {_context.DriverVersion / 1000}.{_context.DriverVersion % 1000 / 10}) is too old"
            : "";
        return new EngineException(
            result.ToStatus() == EngineStatus.Internal ? EngineStatus.Unsupported : result.ToStatus(),
            $"cuda:{_context.Ordinal}: module {id} does not compile: {_context.Driver.Describe(result)}{hint}"
            + (text.Length > 0 ? $"; log: {text}" : ""),
            "device");
    }
}
