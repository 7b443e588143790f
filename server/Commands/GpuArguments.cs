using System.CommandLine;

namespace Engine.Server.Commands;

/// <summary>How steps run on a GPU, under vLLM's names; a CPU has nothing of it.</summary>
internal sealed class GpuArguments
{
    private readonly (Option<bool> On, Option<bool> Off) _asyncScheduling = Arguments.Switch(
        "async-scheduling", "On a GPU the next step begins before this one's tokens are read (the default).");

    private readonly Option<int[]> _sizes = new("--cudagraph-capture-sizes", "--cuda-graph-sizes")
    {
        Description = "Numbers of sequences that recorded steps are padded to; larger steps are not recorded. "
            + "Default: 1, 2, 4, multiples of 8 to 256 and of 16 to 512.",
        AllowMultipleArgumentsPerToken = true,
    };

    public (Option<bool> On, Option<bool> Off) EnforceEager { get; } =
        Arguments.Switch("enforce-eager", "On a GPU steps are launched one by one, not recorded and replayed.");

    public Option<int?> MaxSize { get; } = new("--max-cudagraph-capture-size")
    {
        Description = "The largest step, in sequences, that is recorded.",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(EnforceEager.On);
        command.Options.Add(EnforceEager.Off);
        command.Options.Add(_asyncScheduling.On);
        command.Options.Add(_asyncScheduling.Off);
        command.Options.Add(_sizes);
        command.Options.Add(MaxSize);
    }

    public bool? RunsAhead(ParseResult result) =>
        result.GetValue(_asyncScheduling.On) ? true : result.GetValue(_asyncScheduling.Off) ? false : null;

    public IReadOnlyList<int>? Sizes(ParseResult result) =>
        result.GetValue(_sizes) is { Length: > 0 } sizes ? sizes : null;
}
