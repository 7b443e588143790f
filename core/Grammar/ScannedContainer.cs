using System.Collections.Immutable;

namespace Engine.Grammar;

/// <summary>
/// An array or object that is open, and what is in it so far. Never changed: outputs that part share it.
/// </summary>
internal sealed record ScannedContainer
{
    public required ScannedContainer? Parent { get; init; }

    public required bool IsArray { get; init; }

    /// <summary>In an object: the key that it is the value of.</summary>
    public ValueHash KeyInParent { get; init; }

    /// <summary>The items of an array, in their order.</summary>
    public ValueHash Items { get; init; } = ValueHash.Of('[');

    /// <summary>The members of an object, in their order.</summary>
    public ImmutableList<(ValueHash Key, ValueHash Value)> Members { get; init; } = [];

    /// <summary>Of an array whose items have to differ: its items; null of others.</summary>
    public ImmutableHashSet<ValueHash>? Used { get; init; }

    /// <summary>How the used items begin, sorted.</summary>
    public ItemPrefix[] Prefixes { get; init; } = [];

    /// <summary>What the container is if it ends here: members in any order, the last of a key counts.</summary>
    public ValueHash Hash
    {
        get
        {
            if (IsArray)
            {
                return Items.With(']');
            }

            var last = new Dictionary<ValueHash, ValueHash>();
            foreach ((ValueHash key, ValueHash value) in Members)
            {
                last[key] = value;
            }

            ValueHash hash = ValueHash.Of('{');
            foreach ((ValueHash key, ValueHash value) in last.OrderBy(item => item.Key.A).ThenBy(item => item.Key.B))
            {
                hash = hash.With(key).With(value);
            }

            return hash.With('}');
        }
    }

    public ScannedContainer WithItem(ValueHash item, ItemPrefix prefix)
    {
        if (Used is null)
        {
            return this with { Items = Items.With(item) };
        }

        int at = Array.BinarySearch(Prefixes, prefix);
        var prefixes = new ItemPrefix[Prefixes.Length + 1];
        at = at < 0 ? ~at : at;
        Prefixes.AsSpan(0, at).CopyTo(prefixes);
        prefixes[at] = prefix;
        Prefixes.AsSpan(at).CopyTo(prefixes.AsSpan(at + 1));
        return this with { Items = Items.With(item), Used = Used.Add(item), Prefixes = prefixes };
    }
}
