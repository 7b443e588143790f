namespace Engine.Execution;

/// <summary>How much memory the KV cache takes where no option names it.</summary>
internal static class KvCacheMemory
{
    /// <summary>Half of what is free: the rest is for activations, the host and its page cache.</summary>
    public static long Default(long freeBytes) => Math.Max(0, freeBytes) / 2;
}
