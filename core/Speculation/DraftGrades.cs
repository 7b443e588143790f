using System.Runtime.CompilerServices;

namespace Engine.Speculation;

/// <summary>How a sequence's drafts have fared, by their grade.</summary>
[InlineArray(Count)]
internal struct DraftGrades
{
    /// <summary>Grades that a proposer may tell apart.</summary>
    public const int Count = 4;

    private AcceptanceHistory _first;
}
