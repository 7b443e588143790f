using System.Collections.Immutable;

namespace Engine.Grammar;

/// <summary>
/// An array or object that is open, and what is in it so far. Never changed: outputs that part share it.
/// </summary>
internal sealed record ScannedContainer
{
    // Members beyond are looked up.
    private const int MaxCompared = 16;

    private static readonly ImmutableSortedSet<byte[]> NoTexts = ImmutableSortedSet.Create(ItemText.Order);

    public required ScannedContainer? Parent { get; init; }

    public required bool IsArray { get; init; }

    /// <summary>In an object: the key that it is the value of.</summary>
    public ValueHash KeyInParent { get; init; }

    /// <summary>The items of an array, in their order.</summary>
    public ValueHash Items { get; init; } = ValueHash.Of('[');

    /// <summary>The members of an object, the last first.</summary>
    public ScannedMember? Members { get; init; }

    /// <summary>Of an array whose items have to differ: its items; null of others.</summary>
    public ImmutableHashSet<ValueHash>? Used { get; init; }

    /// <summary>The texts of the used items.</summary>
    public ImmutableSortedSet<byte[]> Texts { get; init; } = NoTexts;

    public int NumItems { get; init; }

    /// <summary>What the container is if it ends here: members in any order, the last of a key counts.</summary>
    public ValueHash Hash
    {
        get
        {
            if (IsArray)
            {
                return Items.With(']');
            }

            ulong a = 0;
            ulong b = 0;
            HashSet<ValueHash>? seen = null;
            for (ScannedMember? member = Members; member is not null; member = member.Before)
            {
                if (!IsAmong(ref seen, member))
                {
                    ValueHash hash = ValueHash.Of(':').With(member.Key).With(member.Value);
                    a += hash.A;
                    b += hash.B;
                }
            }

            return ValueHash.Of('{').With(a).With(b).With('}');
        }
    }

    /// <summary>Whether the same key comes later.</summary>
    private bool IsAmong(ref HashSet<ValueHash>? seen, ScannedMember of)
    {
        if (Members!.Count > MaxCompared)
        {
            return !(seen ??= []).Add(of.Key);
        }

        ScannedMember? member = Members;
        while (member != of && member!.Key != of.Key)
        {
            member = member.Before;
        }

        return member != of;
    }

    public ScannedContainer WithItem(ValueHash item, in ItemText text) => Used is null
        ? this with { Items = Items.With(item) }
        : this with
        {
            Items = Items.With(item),
            NumItems = NumItems + 1,
            Used = Used.Add(item),
            Texts = Texts.Add(text.ToArray()),
        };
}

/// <summary>A member of an object, and those before it.</summary>
internal sealed class ScannedMember(ScannedMember? before, ValueHash key, ValueHash value)
{
    public ScannedMember? Before { get; } = before;

    public ValueHash Key { get; } = key;

    public ValueHash Value { get; } = value;

    public int Count { get; } = (before?.Count ?? 0) + 1;
}
