using System.Globalization;

namespace Engine.Hosting;

/// <summary>
/// What the model "fake:" is like and which faults it injects. As text: "fake:key=value,key=value".
/// </summary>
public sealed record FakeModelOptions
{
    /// <summary>max_model_len: longest prompt plus output.</summary>
    public int MaxModelLen { get; init; } = 4096;

    /// <summary>num_blocks: KV blocks where the engine's options leave it open.</summary>
    public int NumBlocks { get; init; } = 4096;

    /// <summary>eos_period: about one token in so many is end of sequence; 0 is never.</summary>
    public int EosPeriod { get; init; } = 64;

    /// <summary>delay_ms: time each step takes, at least.</summary>
    public int DelayMs { get; init; }

    /// <summary>fail_at: the call that fails as a device does; 0 is none.</summary>
    public long FailAt { get; init; }

    /// <summary>oom_at: the call that runs out of memory; 0 is none.</summary>
    public long OutOfMemoryAt { get; init; }

    /// <summary>throw_at: the call that throws; 0 is none.</summary>
    public long ThrowAt { get; init; }

    /// <summary>hang_at: the call that takes hang_ms; 0 is none.</summary>
    public long HangAt { get; init; }

    /// <summary>hang_ms: how long that is.</summary>
    public int HangMs { get; init; } = 60_000;

    /// <summary>error_token: a sequence that holds this id fails when it samples; -1 is none.</summary>
    public int ErrorToken { get; init; } = -1;

    /// <summary>draft_tokens: tokens drafted for a step to verify, at most.</summary>
    public int DraftTokens { get; init; }

    /// <summary>draft_accuracy: how many of a hundred drafted tokens are right.</summary>
    public int DraftAccuracy { get; init; } = 70;

    /// <summary>Reads "fake:key=value,key=value".</summary>
    /// <exception cref="EngineException">InvalidArgument: an unknown key or a value that is no number.</exception>
    public static FakeModelOptions Parse(string model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var options = new FakeModelOptions();
        string text = model.StartsWith("fake:", StringComparison.Ordinal) ? model[5..] : model;
        foreach (string part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=');
            string key = equals < 0 ? part : part[..equals];
            if (equals < 0 || !int.TryParse(
                part.AsSpan(equals + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value))
            {
                throw EngineException.Invalid("model", $"\"{part}\" is not key=number");
            }

            options = options.With(key, value);
        }

        return options;
    }

    private FakeModelOptions With(string key, int value) => key switch
    {
        "max_model_len" => this with { MaxModelLen = AtLeastOne(key, value) },
        "num_blocks" => this with { NumBlocks = AtLeastOne(key, value) },
        "eos_period" => this with { EosPeriod = value },
        "delay_ms" => this with { DelayMs = value },
        "fail_at" => this with { FailAt = value },
        "oom_at" => this with { OutOfMemoryAt = value },
        "throw_at" => this with { ThrowAt = value },
        "hang_at" => this with { HangAt = value },
        "hang_ms" => this with { HangMs = value },
        "draft_tokens" => this with { DraftTokens = Math.Max(0, value) },
        "draft_accuracy" => this with { DraftAccuracy = value },
        "error_token" => this with { ErrorToken = value },
        _ => throw EngineException.Invalid("model", $"\"{key}\" is not a setting of the fake model"),
    };

    private static int AtLeastOne(string key, int value) =>
        value >= 1 ? value : throw EngineException.Invalid("model", $"{key} must be at least 1");
}
