using Engine.Models.Layers;

namespace Engine.Models;

/// <summary>Last layers that attend to the keys and values of an earlier layer of their own kind (Gemma 4).</summary>
internal sealed class KvSharing
{
    private readonly int[] _sources;
    private readonly int[] _kvLayers;

    /// <summary>Finds what each layer reads.</summary>
    /// <param name="kinds">Kind of every layer.</param>
    /// <param name="firstReader">First layer that has no keys and values; as many as there are layers if all have.</param>
    /// <param name="fail">Makes the error of a layer that has nothing to read.</param>
    public KvSharing(IReadOnlyList<bool> kinds, int firstReader, Func<int, EngineException> fail)
    {
        FirstReader = firstReader;
        _kvLayers = new int[kinds.Count];
        _sources = [.. Enumerable.Range(0, kinds.Count)];
        for (int i = firstReader; i < kinds.Count; i++)
        {
            int source = firstReader - 1;
            while (source >= 0 && kinds[source] != kinds[i]) source--;
            _sources[i] = source >= 0 ? source : throw fail(i);
        }
    }

    /// <summary>First layer without keys and values of its own.</summary>
    public int FirstReader { get; }

    /// <summary>True for a layer without keys and values of its own.</summary>
    public bool Reads(int layer) => layer >= FirstReader;

    /// <summary>True for a layer that others read.</summary>
    public bool IsRead(int layer) => !Reads(layer) && Array.LastIndexOf(_sources, layer) > layer;

    /// <summary>The layer of the KV memory that a reader attends to; null for a layer with its own.</summary>
    public int? KvLayerOf(int layer) => Reads(layer) ? _kvLayers[_sources[layer]] : null;

    /// <summary>Layers are built in their order.</summary>
    public SelfAttention Built(int layer, SelfAttention attention)
    {
        _kvLayers[layer] = attention.KvLayer;
        return attention;
    }
}
