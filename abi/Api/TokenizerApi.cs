using System.Text;
using Engine.Abi.Handles;
using Engine.Abi.Types;
using Engine.Tokenization;

namespace Engine.Abi.Api;

/// <summary>Text to ids and back.</summary>
internal static unsafe class TokenizerApi
{
    /// <summary>Loads a tokenizer without a model.</summary>
    /// <param name="path">A model folder, or a tokenizer file of it. UTF-8.</param>
    /// <param name="pathLen">Its bytes.</param>
    /// <param name="outTokenizer">Takes the tokenizer; release it.</param>
    [AbiFunction("engine_tokenizer_load")]
    public static EngineStatus Load([In] byte* path, ulong pathLen, TokenizerHandle* outTokenizer)
    {
        Interop.Required(outTokenizer, "out_tokenizer");
        TokenizerObject tokenizer = TokenizerObject.Load(Interop.Text(path, pathLen, "path"));
        *outTokenizer = new TokenizerHandle(HandleTable.Publish(tokenizer));
        return EngineStatus.Ok;
    }

    /// <summary>What is known of a tokenizer.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="info">Set struct_size; filled up to it.</param>
    [AbiFunction("engine_tokenizer_get_info")]
    public static EngineStatus GetInfo(TokenizerHandle tokenizer, TokenizerInfoStruct* info)
    {
        using HandlePin<TokenizerObject> pin = PinOf(tokenizer);
        var value = new TokenizerInfoStruct
        {
            VocabSize = pin.Target.Tokenizer.VocabSize,
            HasChatTemplate = pin.Target.Template is null ? 0 : 1,
        };
        Interop.WriteStruct(value, info, "info");
        return EngineStatus.Ok;
    }

    /// <summary>Ids of a text.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="text">UTF-8; bytes that are not become U+FFFD.</param>
    /// <param name="textLen">Its bytes.</param>
    /// <param name="flags">engine_text_flags.</param>
    /// <param name="tokens">Takes the ids.</param>
    /// <param name="capacity">How many fit.</param>
    /// <param name="length">How many there are.</param>
    /// <returns>ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.</returns>
    [AbiFunction("engine_tokenize")]
    public static EngineStatus Tokenize(
        TokenizerHandle tokenizer, [In] byte* text, ulong textLen, TextFlags flags, int* tokens,
        ulong capacity, ulong* length)
    {
        Interop.Required(length, "length");
        using HandlePin<TokenizerObject> pin = PinOf(tokenizer);
        string input = Encoding.UTF8.GetString(Interop.Bytes(text, textLen, "text"));
        bool addSpecial = (flags & TextFlags.AddSpecial) != 0;
        int[] ids = (flags & TextFlags.Plain) != 0 && pin.Target.Tokenizer is Tokenizer full
            ? full.EncodePlain(input, addSpecial)
            : pin.Target.Tokenizer.Encode(input, addSpecial);
        return Interop.CopyOut<int>(ids, tokens, capacity, length);
    }

    /// <summary>Text of ids.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="tokens">The ids; those outside the vocabulary are refused.</param>
    /// <param name="tokensLen">How many.</param>
    /// <param name="flags">engine_text_flags.</param>
    /// <param name="buffer">Takes the text, UTF-8, not NUL-terminated.</param>
    /// <param name="capacity">Its size in bytes.</param>
    /// <param name="length">The size needed.</param>
    /// <returns>ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.</returns>
    [AbiFunction("engine_detokenize")]
    public static EngineStatus Detokenize(
        TokenizerHandle tokenizer, [In] int* tokens, ulong tokensLen, TextFlags flags, byte* buffer,
        ulong capacity, ulong* length)
    {
        Interop.Required(length, "length");
        using HandlePin<TokenizerObject> pin = PinOf(tokenizer);
        ITokenizer known = pin.Target.Tokenizer;
        int[] ids = Interop.Ids(tokens, tokensLen, "tokens");
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)known.VocabSize)
            {
                throw EngineException.Invalid(
                    "tokens", $"id {ids[i]} at {i} is outside the vocabulary of {known.VocabSize}");
            }
        }

        string text = known.Decode(ids, (flags & TextFlags.SkipSpecial) != 0);
        return Interop.CopyOut<byte>(Encoding.UTF8.GetBytes(text), buffer, capacity, length);
    }

    /// <summary>The id of a token as the tokenizer's file spells it.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="token">UTF-8.</param>
    /// <param name="tokenLen">Its bytes.</param>
    /// <param name="outId">Takes the id.</param>
    /// <returns>ENGINE_E_NOT_FOUND if the vocabulary has no such token.</returns>
    [AbiFunction("engine_token_to_id")]
    public static EngineStatus TokenToId(
        TokenizerHandle tokenizer, [In] byte* token, ulong tokenLen, int* outId)
    {
        Interop.Required(outId, "out_id");
        using HandlePin<TokenizerObject> pin = PinOf(tokenizer);
        string text = Interop.Text(token, tokenLen, "token");
        int id = pin.Target.Tokenizer.TokenToId(text);
        if (id < 0)
        {
            throw new EngineException(EngineStatus.NotFound, $"no token '{text}' in the vocabulary", "token");
        }

        *outId = id;
        return EngineStatus.Ok;
    }

    /// <summary>A token as the tokenizer's file spells it.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="id">The id.</param>
    /// <param name="buffer">Takes the text, UTF-8, not NUL-terminated.</param>
    /// <param name="capacity">Its size in bytes.</param>
    /// <param name="length">The size needed.</param>
    /// <returns>ENGINE_E_NOT_FOUND if the vocabulary has no such id.</returns>
    [AbiFunction("engine_id_to_token")]
    public static EngineStatus IdToToken(
        TokenizerHandle tokenizer, int id, byte* buffer, ulong capacity, ulong* length)
    {
        Interop.Required(length, "length");
        using HandlePin<TokenizerObject> pin = PinOf(tokenizer);
        string text = pin.Target.Tokenizer.IdToToken(id)
            ?? throw new EngineException(EngineStatus.NotFound, $"no token of id {id} in the vocabulary", "id");
        return Interop.CopyOut<byte>(Encoding.UTF8.GetBytes(text), buffer, capacity, length);
    }

    /// <summary>Frees a tokenizer; NULL is a no-op.</summary>
    /// <param name="tokenizer">The tokenizer or NULL.</param>
    /// <returns>ENGINE_E_INVALID_HANDLE if it was released before.</returns>
    [AbiFunction("engine_tokenizer_release", NoError = true)]
    public static EngineStatus Release(TokenizerHandle tokenizer) =>
        HandleTable.Release(tokenizer.Value, HandleKind.Tokenizer);

    public static HandlePin<TokenizerObject> PinOf(TokenizerHandle handle) =>
        HandleTable.Pin<TokenizerObject>(handle.Value, HandleKind.Tokenizer);
}
