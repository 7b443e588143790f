using System.Text.Json;
using Engine.Tokenization.PostProcessors;

namespace Engine.Tokenization.Files;

/// <summary>Reads the post-processor of a tokenizer.json.</summary>
internal static class PostProcessorJson
{
    public static PostProcessor Read(JsonElement item)
    {
        string type = item.Text("type");
        switch (type)
        {
            case "Sequence":
                PostProcessor all = PostProcessor.None;
                foreach (JsonElement inner in item.Items("processors"))
                {
                    all = Join(all, Read(inner));
                }

                return all;
            case "ByteLevel":
                return new PostProcessor
                {
                    TrimOffsets = item.Flag("trim_offsets", true),
                    AddPrefixSpace = item.Flag("add_prefix_space", true),
                };
            case "TemplateProcessing":
                return ReadTemplate(item);
            case "BertProcessing":
                return Bert(ReadToken(item, "cls"), ReadToken(item, "sep"));
            case "RobertaProcessing":
                return Roberta(
                    ReadToken(item, "cls"), ReadToken(item, "sep"),
                    item.Flag("trim_offsets", true), item.Flag("add_prefix_space", true));
            default:
                throw new EngineException(
                    EngineStatus.Unsupported, $"post_processor.type \"{type}\" is not known.");
        }
    }

    /// <summary>[CLS] A [SEP], [CLS] A [SEP] B [SEP].</summary>
    public static PostProcessor AroundBert((string Token, int Id) cls, (string Token, int Id) sep) =>
        Bert(new(-1, [cls.Id], [cls.Token], 0), new(-1, [sep.Id], [sep.Token], 0));

    /// <summary>A template of RoBERTa: cls A sep, cls A sep sep B sep.</summary>
    public static PostProcessor AroundRoberta(
        (string Token, int Id) cls, (string Token, int Id) sep) => Roberta(
            new(-1, [cls.Id], [cls.Token], 0), new(-1, [sep.Id], [sep.Token], 0),
            trimOffsets: true, addPrefixSpace: false);

    private static PostProcessor Roberta(
        TemplatePiece cls, TemplatePiece sep, bool trimOffsets, bool addPrefixSpace)
    {
        TemplatePiece a = new(0, [], [], 0);
        return new PostProcessor
        {
            Single = [cls, a, sep],
            Pair = [cls, a, sep, sep, new(1, [], [], 0), sep],
            TrimOffsets = trimOffsets,
            AddPrefixSpace = addPrefixSpace,
        };
    }

    private static PostProcessor Bert(TemplatePiece cls, TemplatePiece sep)
    {
        TemplatePiece a = new(0, [], [], 0);
        TemplatePiece b = new(1, [], [], 1);
        return new PostProcessor
        {
            Single = [cls, a, sep],
            Pair = [cls, a, sep, b, sep with { TypeId = 1 }],
        };
    }

    /// <summary>A template of fixed tokens around the texts.</summary>
    public static PostProcessor Around(
        (string Token, int Id)? before, (string Token, int Id)? after)
    {
        List<TemplatePiece> single = [];
        List<TemplatePiece> pair = [];
        Add(single, before, 0);
        single.Add(new TemplatePiece(0, [], [], 0));
        Add(single, after, 0);
        pair.AddRange(single);
        Add(pair, before, 1);
        pair.Add(new TemplatePiece(1, [], [], 1));
        Add(pair, after, 1);
        return new PostProcessor { Single = [.. single], Pair = [.. pair] };
    }

    private static void Add(List<TemplatePiece> pieces, (string Token, int Id)? token, int typeId)
    {
        if (token is (string text, int id))
        {
            pieces.Add(new TemplatePiece(-1, [id], [text], typeId));
        }
    }

    // One of a sequence trims the offsets, another has the template.
    private static PostProcessor Join(PostProcessor first, PostProcessor second)
    {
        bool hasTemplate = second.Single != PostProcessor.Plain(pair: false);
        bool trims = second.TrimOffsets;
        return new PostProcessor
        {
            Single = hasTemplate ? second.Single : first.Single,
            Pair = hasTemplate ? second.Pair : first.Pair,
            TrimOffsets = first.TrimOffsets || trims,
            AddPrefixSpace = trims ? second.AddPrefixSpace : first.AddPrefixSpace,
        };
    }

    private static TemplatePiece ReadToken(JsonElement item, string name)
    {
        JsonElement pair = item.Required(name);
        string token = pair[0].GetString() ?? "";
        int id = pair[1].GetInt32();
        ModelJson.CheckId(id, token);
        return new TemplatePiece(-1, [id], [token], 0);
    }

    private static PostProcessor ReadTemplate(JsonElement item)
    {
        Dictionary<string, (int[] Ids, string[] Tokens)> special = [];
        if (item.TryGet("special_tokens", out JsonElement tokens))
        {
            foreach (JsonProperty property in tokens.EnumerateObject())
            {
                List<int> ids = [];
                List<string> texts = [];
                foreach (JsonElement id in property.Value.Items("ids"))
                {
                    ids.Add(id.GetInt32());
                    ModelJson.CheckId(ids[^1], property.Name);
                }

                foreach (JsonElement text in property.Value.Items("tokens"))
                {
                    texts.Add(text.GetString() ?? "");
                }

                if (ids.Count != texts.Count)
                {
                    throw JsonFile.Error(
                        $"special_tokens[\"{property.Name}\"]: expected as many ids as tokens");
                }

                special[property.Name] = ([.. ids], [.. texts]);
            }
        }

        TemplatePiece[] single = ReadPieces(item.Items("single"), special);
        return new PostProcessor
        {
            Single = single,
            Pair = item.TryGet("pair", out _)
                ? ReadPieces(item.Items("pair"), special) : PostProcessor.Plain(pair: true),
        };
    }

    private static TemplatePiece[] ReadPieces(
        JsonElement.ArrayEnumerator items, Dictionary<string, (int[] Ids, string[] Tokens)> special)
    {
        List<TemplatePiece> pieces = [];
        foreach (JsonElement item in items)
        {
            if (item.TryGet("Sequence", out JsonElement sequence))
            {
                int number = sequence.Text("id") == "A" ? 0 : 1;
                pieces.Add(new TemplatePiece(number, [], [], sequence.Number("type_id", 0)));
                continue;
            }

            JsonElement token = item.Required("SpecialToken");
            string name = token.Text("id");
            (int[] ids, string[] texts) = special.TryGetValue(name, out var found) ? found
                : throw JsonFile.Error($"special_tokens has no \"{name}\", which the template uses");
            pieces.Add(new TemplatePiece(-1, ids, texts, token.Number("type_id", 0)));
        }

        return [.. pieces];
    }
}
