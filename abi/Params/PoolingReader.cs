using System.Text;
using System.Text.Json;
using Engine.Abi.Api;
using Engine.Abi.Handles;
using Engine.Abi.Types;
using Engine.Pooling;

namespace Engine.Abi.Params;

/// <summary>What engine_pooler_submit is handed, as the core takes it.</summary>
internal static unsafe class PoolingReader
{
    /// <summary>Texts that are taken at once.</summary>
    private const int MaxInputs = 1 << 24;

    public static PoolingSettings Settings(PoolingArgs args)
    {
        if (args.Params.Value != 0 && args.Json is not null)
        {
            throw EngineException.Invalid("args.json", "given beside params");
        }

        Dictionary<string, JsonElement> values = [];
        if (args.Params.Value != 0)
        {
            using HandlePin<ParamSet> pin = ParamsApi.PinOf(args.Params, ParamsKind.Pooling);
            values = pin.Target.Snapshot();
        }
        else if (args.Json is not null)
        {
            values = ParamSet.FromJson(
                ParamsKind.Pooling, Interop.Bytes(args.Json, args.JsonLen, "args.json")).Snapshot();
        }

        var defaults = new PoolingSettings();
        return new PoolingSettings
        {
            Dimensions = OptionsReader.Int(values, "dimensions"),
            Normalize = OptionsReader.Bool(values, "normalize"),
            UseActivation = OptionsReader.Bool(values, "use_activation") ?? defaults.UseActivation,
            TruncatePromptTokens = OptionsReader.Int(values, "truncate_prompt_tokens"),
            PromptName = OptionsReader.Text(values, "prompt_name"),
            AddSpecialTokens = OptionsReader.Bool(values, "add_special_tokens") ?? defaults.AddSpecialTokens,
        };
    }

    public static PoolingInput[] Inputs(PoolingArgs args)
    {
        if (args.InputsLen is 0 or > MaxInputs)
        {
            throw EngineException.Invalid("args.inputs_len", $"expected 1 to {MaxInputs}, found {args.InputsLen}");
        }

        Interop.Required(args.Inputs, "args.inputs");
        uint stride = args.Inputs->StructSize;
        if (stride < sizeof(ulong) || stride > 4096 || stride % sizeof(ulong) != 0)
        {
            throw EngineException.Invalid("args.inputs.struct_size", $"{stride} is not a struct's size");
        }

        var inputs = new PoolingInput[args.InputsLen];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = Input((byte*)args.Inputs + ((long)i * stride), stride);
        }

        return inputs;
    }

    private static PoolingInput Input(byte* source, uint stride)
    {
        // Only the first says its size, which is every element's.
        byte* copy = stackalloc byte[4096];
        Buffer.MemoryCopy(source, copy, 4096, stride);
        *(uint*)copy = stride;
        PoolingInputStruct value = Interop.ReadStruct<PoolingInputStruct>(copy, "args.inputs");
        return new PoolingInput
        {
            Text = Text(value.Text, value.TextLen, "text"),
            Pair = Text(value.Pair, value.PairLen, "pair"),
            TokenIds = value.Tokens is null ? null : Interop.Ids(value.Tokens, value.TokensLen, "tokens"),
            TokenTypeIds = value.TokenTypes is null
                ? null
                : Interop.Ids(value.TokenTypes, value.TokensLen, "token_types"),
        };
    }

    // As engine_tokenize: what is not UTF-8 becomes U+FFFD, so that one bad text leaves the others alone.
    private static string? Text(byte* pointer, ulong length, string parameter) => pointer is null
        ? length == 0 ? null : throw EngineException.Invalid(parameter, "the pointer is null and the length is not 0")
        : Encoding.UTF8.GetString(Interop.Bytes(pointer, length, parameter));
}
