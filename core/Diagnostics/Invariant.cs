using System.Diagnostics.CodeAnalysis;

namespace Engine.Diagnostics;

/// <summary>A defect of the engine's own: it does no more work after one.</summary>
internal sealed class InvariantException(string message) : Exception(message);

/// <summary>Assertions that stay on.</summary>
internal static class Invariant
{
    /// <summary>Throws InvariantException unless the condition holds; the engine's loop poisons itself.</summary>
    public static void Check([DoesNotReturnIf(false)] bool condition, string message)
    {
        if (!condition)
        {
            Break(message);
        }
    }

    [DoesNotReturn]
    public static void Break(string message) => throw new InvariantException(message);
}
