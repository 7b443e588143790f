namespace Engine.Chat.Parsing;

/// <summary>Texts that mean something to a format, looked for together.</summary>
internal sealed class Markers
{
    public Markers(params string[] all)
    {
        All = all;
        FirstChars = [.. all.Select(marker => marker[0]).Distinct()];
    }

    public string[] All { get; }

    public char[] FirstChars { get; }

    public int LengthOf(int index) => All[index].Length;
}
