using Engine.Abi.Handles;
using Engine.Pooling;

namespace Engine.Abi.Types;

/// <summary>One text, or pair of texts, to be pooled. Zero what is not used.</summary>
[AbiStruct("engine_pooling_input")]
internal unsafe struct PoolingInputStruct
{
    /// <summary>Set it in the first element of the array: the array's stride.</summary>
    public uint StructSize;

    /// <summary>Zero.</summary>
    public int Reserved;

    /// <summary>The text, UTF-8, or NULL if ids are given.</summary>
    public byte* Text;

    /// <summary>Bytes of text.</summary>
    public ulong TextLen;

    /// <summary>The second text of a pair, UTF-8, or NULL.</summary>
    public byte* Pair;

    /// <summary>Bytes of pair.</summary>
    public ulong PairLen;

    /// <summary>The ids, special tokens among them, or NULL if text is given.</summary>
    public int* Tokens;

    /// <summary>How many ids.</summary>
    public ulong TokensLen;

    /// <summary>Which text of a pair each id is of, 0 or 1, tokens_len of them; NULL is the first.</summary>
    public int* TokenTypes;
}

/// <summary>Texts that are handed in together. Zero what is not used.</summary>
[AbiStruct("engine_pooling_args")]
internal unsafe struct PoolingArgs
{
    /// <summary>sizeof(engine_pooling_args).</summary>
    public uint StructSize;

    /// <summary>What is wanted of each text.</summary>
    public PoolingTask Task;

    /// <summary>Params of kind POOLING, or NULL. Not needed after the call.</summary>
    public ParamsHandle Params;

    /// <summary>The same as a JSON object, or NULL; not both.</summary>
    public byte* Json;

    /// <summary>Bytes of json.</summary>
    public ulong JsonLen;

    /// <summary>The texts. Not needed after the call.</summary>
    public PoolingInputStruct* Inputs;

    /// <summary>How many texts; at least 1.</summary>
    public ulong InputsLen;
}

/// <summary>What came of one text. What its pointers point to lives until the pooling is released.</summary>
[AbiStruct("engine_pooling_result")]
internal unsafe struct PoolingResultStruct
{
    /// <summary>sizeof(engine_pooling_result).</summary>
    public uint StructSize;

    /// <summary>Rows of values: 1, or with TOKEN_EMBED one for each token.</summary>
    public int Rows;

    /// <summary>Columns of values: the vector's width, the number of labels, or 1 for a score.</summary>
    public int Columns;

    /// <summary>Zero.</summary>
    public int Reserved;

    /// <summary>The numbers, row by row.</summary>
    public float* Values;

    /// <summary>The text's ids, special tokens among them; of two texts that were compared by their vectors, both
    /// after one another.</summary>
    public int* Tokens;

    /// <summary>How many ids.</summary>
    public ulong TokensLen;
}

/// <summary>What a model makes of texts.</summary>
[AbiStruct("engine_pooler_info")]
internal struct PoolerInfoStruct
{
    /// <summary>sizeof(engine_pooler_info).</summary>
    public uint StructSize;

    /// <summary>1 if it makes vectors (EMBED, and SCORE by their cosine), 0 if it judges (CLASSIFY, and SCORE with one
    /// label). TOKEN_EMBED works with both.</summary>
    public int Embeds;

    /// <summary>Width of EMBED's vectors.</summary>
    public int Dimensions;

    /// <summary>Width of TOKEN_EMBED's rows.</summary>
    public int HiddenSize;

    /// <summary>Labels of CLASSIFY; 0 if it makes vectors.</summary>
    public int NumLabels;

    /// <summary>Longest text in tokens, special ones among them.</summary>
    public int MaxTokens;
}
