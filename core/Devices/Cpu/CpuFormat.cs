namespace Engine.Devices.Cpu;

/// <summary>Packed formats of a weight; values of engine_kernels.h, which draws the layouts.</summary>
internal static class CpuFormat
{
    public const int F32 = 0;
    public const int F16 = 1;
    public const int BF16 = 2;
    public const int BF16Dot = 3;
    public const int Q8 = 4;
    public const int Q4 = 5;
}
