using System.Runtime.InteropServices;

namespace Engine.Devices.Cpu;

/// <summary>The C interface of kernels/include/engine_kernels.h, which documents shapes and limits.</summary>
internal static unsafe partial class CpuKernels
{
    private const string Library = "engine_kernels";

    [LibraryImport(Library, EntryPoint = "ek_isa_best")]
    internal static partial int IsaBest();

    [LibraryImport(Library, EntryPoint = "ek_cpu_count")]
    internal static partial int CpuCount();

    [LibraryImport(Library, EntryPoint = "ek_context_create")]
    internal static partial int ContextCreate(ContextOptions* options, nint* context);

    [LibraryImport(Library, EntryPoint = "ek_context_destroy")]
    internal static partial void ContextDestroy(nint context);

    [LibraryImport(Library, EntryPoint = "ek_context_threads")]
    internal static partial int ContextThreads(nint context);

    [LibraryImport(Library, EntryPoint = "ek_context_isa")]
    internal static partial int ContextIsa(nint context);

    [LibraryImport(Library, EntryPoint = "ek_context_set_threads")]
    internal static partial int ContextSetThreads(nint context, int threads);

    [LibraryImport(Library, EntryPoint = "ek_context_pin_caller")]
    internal static partial int ContextPinCaller(nint context);

    [LibraryImport(Library, EntryPoint = "ek_probe")]
    internal static partial int Probe(nint context, int kind, nint data, long amount, double* done);

    [LibraryImport(Library, EntryPoint = "ek_map")]
    internal static partial nint Map(long bytes);

    [LibraryImport(Library, EntryPoint = "ek_interleave")]
    internal static partial int Interleave(nint address, long bytes);

    [LibraryImport(Library, EntryPoint = "ek_unmap")]
    internal static partial void Unmap(nint address, long bytes);

    [LibraryImport(Library, EntryPoint = "ek_linear_bytes")]
    internal static partial long LinearBytes(long n, long k, int format);

    [LibraryImport(Library, EntryPoint = "ek_linear_pack")]
    internal static partial int LinearPack(nint context, Weight* destination, WeightPart* parts, int count);

    [LibraryImport(Library, EntryPoint = "ek_codes_pack")]
    internal static partial int CodesPack(Weight* destination, long panel, CodesRows* rows);

    [LibraryImport(Library, EntryPoint = "ek_linear")]
    internal static partial int Linear(
        nint context, Matrix* y, Matrix* x, Weight* weight, float* bias, int accumulate);

    [LibraryImport(Library, EntryPoint = "ek_embed")]
    internal static partial int Embed(
        nint context, Matrix* y, nint table, int type, long vocab, int* ids, float scale);

    [LibraryImport(Library, EntryPoint = "ek_embed_packed")]
    internal static partial int EmbedPacked(nint context, Matrix* y, Weight* table, int* ids, float scale);

    [LibraryImport(Library, EntryPoint = "ek_rms_norm")]
    internal static partial int RmsNorm(
        nint context, Matrix* y, Matrix* x, float* weight, float epsilon, float offset, int groups);

    [LibraryImport(Library, EntryPoint = "ek_layer_norm")]
    internal static partial int LayerNorm(
        nint context, Matrix* y, Matrix* x, float* weight, float* bias, float epsilon, int groups, int perGroup);

    [LibraryImport(Library, EntryPoint = "ek_add_scaled")]
    internal static partial int AddScaled(nint context, Matrix* y, Matrix* x, float scale);

    [LibraryImport(Library, EntryPoint = "ek_scale")]
    internal static partial int Scale(nint context, Matrix* x, float scale);

    [LibraryImport(Library, EntryPoint = "ek_soft_cap")]
    internal static partial int SoftCap(nint context, Matrix* x, float cap);

    [LibraryImport(Library, EntryPoint = "ek_activate")]
    internal static partial int Activate(nint context, Matrix* y, Matrix* x, int activation);

    [LibraryImport(Library, EntryPoint = "ek_activate_multiply")]
    internal static partial int ActivateMultiply(nint context, Matrix* y, Matrix* x, int activation);

    [LibraryImport(Library, EntryPoint = "ek_rope")]
    internal static partial int Rope(
        nint context, Matrix* x, int* positions, float* cosSin, long numPositions, int headDim, int rotaryDim,
        int interleaved);

    [LibraryImport(Library, EntryPoint = "ek_gather_rows")]
    internal static partial int GatherRows(nint context, Matrix* y, Matrix* x, int* indices);

    [LibraryImport(Library, EntryPoint = "ek_kv_block_bytes")]
    internal static partial long KvBlockBytes(int blockSize, int numKvHeads, int headDim, int type);

    [LibraryImport(Library, EntryPoint = "ek_kv_write")]
    internal static partial int KvWrite(nint context, Kv* kv, Matrix* key, Matrix* value, int* slots);

    [LibraryImport(Library, EntryPoint = "ek_kv_copy_blocks")]
    internal static partial int KvCopyBlocks(nint context, Kv* kv, BlockCopy* pairs, int count);

    [LibraryImport(Library, EntryPoint = "ek_attention")]
    internal static partial int Attention(
        nint context, Matrix* output, Matrix* query, Kv* kv, Settings* settings, Batch* batch);

    [StructLayout(LayoutKind.Sequential)]
    internal struct ContextOptions
    {
        public int Threads;
        public int Isa;
        public int Pin;
        public int SpinUs;
        public int* Cpus;
        public int NumCpus;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Matrix
    {
        public nint Data;
        public long Rows;
        public long Columns;
        public long RowStride;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct WeightPart
    {
        public nint Data;
        public long N;
        public long RowStride;
        public int Type;
        public int Transposed;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Weight
    {
        public nint Data;
        public long N;
        public long K;
        public int Format;
        public int Activation;
        public int* Order;
        public int InputKind;
        public int InputZero;
        public float InputScale;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct CodesRows
    {
        public byte* Codes;
        public float* Scales;
        public byte* Zeros;
        public float* Mins;
        public sbyte* Subs;
        public byte* SubMins;
        public long Rows;
        public long Group;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Kv
    {
        public nint Data;
        public long NumBlocks;
        public int BlockSize;
        public int NumKvHeads;
        public int HeadDim;
        public int Type;
        public int RoundsQueries;
        public float KeyScale;
        public float ValueScale;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Settings
    {
        public int NumHeads;
        public float Scale;
        public int SlidingWindow;
        public float SoftCap;
        public int Bidirectional;
        public float* AlibiSlopes;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Batch
    {
        public int* CuSeqlensQ;
        public int* ContextLens;
        public int* BlockTables;
        public int NumRequests;
        public int MaxBlocks;
    }
}
