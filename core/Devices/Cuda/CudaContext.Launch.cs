namespace Engine.Devices.Cuda;

internal sealed unsafe partial class CudaContext
{
    private const int MaxDynamicSharedBytes = 8;

    /// <summary>Launches a kernel whose one parameter is a structure.</summary>
    /// <param name="function">The kernel.</param>
    /// <param name="arguments">Copied before this returns.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="threads">Of a block.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block.</param>
    /// <param name="cluster">Blocks of a cluster, neighbours in X.</param>
    public void Launch<T>(
        CudaFunction function, in T arguments, (int X, int Y, int Z) grid, int threads, int sharedBytes = 0,
        int cluster = 1)
        where T : unmanaged
    {
        Enter();
        if (sharedBytes > function.SharedBytes) Allow(function, sharedBytes);
        CudaLaunchAttribute* attributes = stackalloc CudaLaunchAttribute[2];
        uint numAttributes = 0;
        if (cluster > 1)
        {
            attributes[numAttributes++] = new CudaLaunchAttribute
            {
                Id = CudaLaunchAttribute.ClusterDimension,
                X = (uint)cluster,
                Y = 1,
                Z = 1,
            };
        }

        if (LaunchesDependents && function.Waits)
        {
            attributes[numAttributes++] = new CudaLaunchAttribute
            {
                Id = CudaLaunchAttribute.ProgrammaticSerialization,
                X = 1,
            };
        }

        CudaLaunch launch = new()
        {
            GridX = (uint)grid.X,
            GridY = (uint)grid.Y,
            GridZ = (uint)grid.Z,
            BlockX = (uint)threads,
            BlockY = 1,
            BlockZ = 1,
            SharedBytes = (uint)sharedBytes,
            Stream = Stream,
            Attributes = attributes,
            NumAttributes = numAttributes,
        };
        CudaResult result;
        fixed (T* first = &arguments)
        {
            nint parameter = (nint)first;
            result = Driver.LaunchKernel(&launch, function.Handle, &parameter, null);
        }

        if (result != CudaResult.Success) Throw(result, function.Name);
        Launched(function.Name);
    }

    /// <summary>After a launch: with ENGINE_CUDA_SYNC=1 waits for it.</summary>
    public void Launched(string name)
    {
        if (SynchronizesEachLaunch && !IsCapturing) Check(Driver.StreamSynchronize(Stream), name);
    }

    /// <summary>True between BeginCapture and EndCapture: nothing may wait.</summary>
    public bool IsCapturing { get; private set; }

    /// <summary>From here on work is recorded instead of done.</summary>
    public void BeginCapture()
    {
        const int ThreadLocal = 1;
        Enter();
        Check(Driver.StreamBeginCapture(Stream, ThreadLocal), "cuStreamBeginCapture");
        IsCapturing = true;
    }

    /// <summary>Ends recording; the graph is ready to be launched, and its owner destroys it.</summary>
    public nint EndCapture()
    {
        IsCapturing = false;
        Enter();
        nint graph, executable;
        Check(Driver.StreamEndCapture(Stream, &graph), "cuStreamEndCapture");
        CudaResult result = Driver.GraphInstantiate(&executable, graph, 0);
        if (!result.IsSticky()) Quiet(Driver.GraphDestroy(graph));
        Check(result, "cuGraphInstantiate");
        return executable;
    }

    /// <summary>Ends a recording that failed halfway, and forgets it.</summary>
    public void AbandonCapture()
    {
        IsCapturing = false;
        if (!TryEnter()) return;
        nint graph;
        CudaResult result = Driver.StreamEndCapture(Stream, &graph);
        Quiet(result);
        if (result == CudaResult.Success && graph != 0 && TryEnter()) Quiet(Driver.GraphDestroy(graph));
    }

    public void LaunchGraph(nint executable)
    {
        Enter();
        Check(Driver.GraphLaunch(executable, Stream), "cuGraphLaunch");
        if (SynchronizesEachLaunch) Check(Driver.StreamSynchronize(Stream), "a graph");
    }

    public void DestroyGraph(nint executable)
    {
        if (executable != 0 && TryEnter()) Quiet(Driver.GraphExecDestroy(executable));
    }

    private void Allow(CudaFunction function, int sharedBytes)
    {
        if (sharedBytes > SharedBytesMax)
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"cuda:{Ordinal}: {function.Name} needs {sharedBytes} bytes of shared memory, {Name} has "
                + $"{SharedBytesMax}",
                "device");
        }

        Check(
            Driver.FuncSetAttribute(function.Handle, MaxDynamicSharedBytes, sharedBytes),
            $"cuFuncSetAttribute({function.Name})");
        function.SharedBytes = (uint)sharedBytes;
    }
}
