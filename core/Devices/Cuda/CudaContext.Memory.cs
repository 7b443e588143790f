namespace Engine.Devices.Cuda;

internal sealed unsafe partial class CudaContext
{
    /// <summary>Device memory as the driver hands it out: aligned to 256 bytes, not zeroed.</summary>
    /// <param name="bytes">More than none.</param>
    /// <param name="use">What for, for people.</param>
    public nint AllocateDevice(long bytes, string use)
    {
        Enter();
        nint address;
        CudaResult result = Driver.MemAlloc(&address, (nuint)bytes);
        if (result == CudaResult.Success) return address;
        if (result != CudaResult.OutOfMemory) Throw(result, "cuMemAlloc");
        throw new EngineException(
            EngineStatus.OutOfMemory, $"cuda:{Ordinal}: no room for {bytes} bytes of {use}{Room()}", "device");
    }

    // What is free, and what would help.
    private string Room()
    {
        if (Handle == 0) return "";
        nuint free, total;
        CudaResult result = Driver.MemGetInfo(&free, &total);
        if (result.IsSticky()) Throw(result, "cuMemGetInfo");
        if (result != CudaResult.Success) return "";
        return $": {free} of {total} are free; lower max_model_len, max_num_seqs, max_num_batched_tokens or "
            + "gpu_memory_utilization, or end what else uses the GPU";
    }

    /// <summary>Frees what work that is under way may still use: waits for that first.</summary>
    public void FreeDevice(nint address)
    {
        if (address == 0 || !TryEnter()) return;
        if (Stream != 0) Quiet(Driver.StreamSynchronize(Stream));
        if (TryEnter()) Quiet(Driver.MemFree(address));
    }

    /// <summary>Host memory that copies read and write while the host goes on.</summary>
    public nint AllocatePinned(long bytes, string use)
    {
        const uint Portable = 1;
        Enter();
        nint address;
        CudaResult result = Driver.MemHostAlloc(&address, (nuint)bytes, Portable);
        if (result == CudaResult.OutOfMemory)
        {
            throw new EngineException(
                EngineStatus.OutOfMemory,
                $"cuda:{Ordinal}: cannot pin {bytes} bytes of host memory for {use}; the host is short of it, or the "
                + "container's limit is (ulimit -l, memory of the control group); lower max_num_seqs or "
                + "max_num_batched_tokens",
                "device");
        }

        Check(result, "cuMemHostAlloc");
        return address;
    }

    public void FreePinned(nint address)
    {
        if (address != 0 && TryEnter()) Quiet(Driver.MemFreeHost(address));
    }

    /// <summary>Fills with a byte, in stream order.</summary>
    public void Fill(nint address, byte value, long bytes)
    {
        if (bytes == 0) return;
        Enter();
        Check(Driver.MemsetD8Async(address, value, (nuint)bytes, Stream), "cuMemsetD8Async");
    }

    /// <summary>Copies to the device, in stream order: the source must stay as it is until then.</summary>
    public void CopyToDevice(nint target, nint source, long bytes)
    {
        if (bytes == 0) return;
        Enter();
        Check(Driver.MemcpyHtoDAsync(target, source, (nuint)bytes, Stream), "cuMemcpyHtoDAsync");
    }

    /// <summary>Copies to the host, in stream order.</summary>
    public void CopyToHost(nint target, nint source, long bytes)
    {
        if (bytes == 0) return;
        Enter();
        Check(Driver.MemcpyDtoHAsync(target, source, (nuint)bytes, Stream), "cuMemcpyDtoHAsync");
    }

    public nint CreateEvent()
    {
        const uint DisableTiming = 2;
        Enter();
        nint handle;
        Check(Driver.EventCreate(&handle, DisableTiming), "cuEventCreate");
        return handle;
    }

    public void DestroyEvent(nint handle)
    {
        if (handle != 0 && TryEnter()) Quiet(Driver.EventDestroy(handle));
    }

    public void Record(nint handle)
    {
        Enter();
        Check(Driver.EventRecord(handle, Stream), "cuEventRecord");
    }

    public void Wait(nint handle)
    {
        Enter();
        Check(Driver.EventSynchronize(handle), "cuEventSynchronize");
    }
}
