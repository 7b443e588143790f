using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Engine.Tokenization.Decoders;
using Engine.Tokenization.Models;
using Engine.Tokenization.Patterns;
using Engine.Tokenization.PreTokenizers;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Files;

/// <summary>Reads *.tiktoken: lines of a base64 token and its rank, and a configuration beside.</summary>
internal static class TiktokenFile
{
    private const int MaxTokenBytes = 1024;

    // Where no configuration says otherwise: the pattern of Qwen, the family that ships such files.
    private const string DefaultPattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        + @"|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Reads the ranks and config.json beside them.</summary>
    public static TokenizerParts Load(string path)
    {
        Dictionary<string, int> vocabulary = ReadRanks(JsonFile.ReadBytes(path), path);
        string pattern = DefaultPattern;
        List<AddedToken> added = [];
        string config = Path.Combine(Path.GetDirectoryName(path) ?? "", "config.json");
        if (File.Exists(config))
        {
            pattern = JsonFile.Parse(
                JsonFile.ReadBytes(config), config, root => ReadConfig(root, added)) ?? pattern;
        }

        try
        {
            return new TokenizerParts
            {
                Model = new BpeModel(
                    vocabulary, BuildMerges(vocabulary), new BpeOptions { IgnoreMerges = true }),
                PreTokenizer = new PreTokenizerSequence(
                [
                    new SplitPreTokenizer(
                        Pattern.FromTiktoken(pattern), SplitBehavior.Removed, invert: true),
                    new ByteLevelPreTokenizer(addPrefixSpace: false, useRegex: false),
                ]),
                Decoder = new ByteLevelDecoder(),
                AddedTokens = added,
            };
        }
        catch (EngineException e) when (e.Parameter is null)
        {
            throw new EngineException(e.Status, $"{config}: pat_str: {e.Message}", config, e);
        }
    }

    private static string? ReadConfig(JsonElement root, List<AddedToken> added)
    {
        if (root.TryGet("special_tokens", out JsonElement tokens))
        {
            foreach (JsonProperty property in tokens.EnumerateObject())
            {
                int id = property.Value.GetInt32();
                ModelJson.CheckId(id, property.Name);
                added.Add(new AddedToken(id, property.Name) { Special = true });
            }
        }

        return root.TextOrNull("pat_str");
    }

    private static Dictionary<string, int> ReadRanks(ReadOnlySpan<byte> content, string file)
    {
        Dictionary<string, int> ranks = new(StringComparer.Ordinal);
        HashSet<int> taken = [];
        int line = 0;
        Span<byte> token = stackalloc byte[MaxTokenBytes];
        while (!content.IsEmpty)
        {
            line++;
            int end = content.IndexOf((byte)'\n');
            ReadOnlySpan<byte> row = (end < 0 ? content : content[..end]).TrimEnd((byte)'\r');
            content = end < 0 ? [] : content[(end + 1)..];
            if (row.IsEmpty)
            {
                continue;
            }

            int space = row.IndexOf((byte)' ');
            if (space < 0 || space > MaxTokenBytes
                || Base64.DecodeFromUtf8(row[..space], token, out _, out int length)
                    != System.Buffers.OperationStatus.Done
                || !Utf8Parser.TryParse(row[(space + 1)..], out int rank, out int used)
                || used != row.Length - space - 1 || rank is < 0 or > ModelJson.MaxId)
            {
                throw EngineException.Corrupt(
                    file, $"line {line}: expected a base64 token and a rank, found \""
                    + Encoding.UTF8.GetString(row[..Math.Min(row.Length, 80)]) + "\"");
            }

            if (length == 0 || !taken.Add(rank) || !ranks.TryAdd(ByteAlphabet.FromBytes(token[..length]), rank))
            {
                throw EngineException.Corrupt(
                    file, $"line {line}: expected a token and a rank that no other line has, found \""
                    + Encoding.UTF8.GetString(row[..Math.Min(row.Length, 80)]) + "\"");
            }
        }

        return ranks.Count > 0 ? ranks
            : throw EngineException.Corrupt(file, "expected tokens, found none");
    }

    // Two neighbours merge if together they are a token; its rank is the merge's.
    private static MergeTable BuildMerges(Dictionary<string, int> ranks)
    {
        List<(int Left, int Right, int Rank)> merges = [];
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup =
            ranks.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach ((string token, int rank) in ranks)
        {
            for (int cut = 1; cut < token.Length; cut++)
            {
                if (lookup.TryGetValue(token.AsSpan(0, cut), out int left)
                    && lookup.TryGetValue(token.AsSpan(cut), out int right))
                {
                    merges.Add((left, right, rank));
                }
            }
        }

        MergeTable table = new(merges.Count);
        foreach ((int left, int right, int rank) in merges)
        {
            table.Set(left, right, rank, rank);
        }

        return table;
    }
}
