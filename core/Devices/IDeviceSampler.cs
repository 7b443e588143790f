namespace Engine.Devices;

/// <summary>A device that chooses tokens where the logits are, so that only the tokens leave it.</summary>
internal interface IDeviceSampler
{
    /// <summary>In place of a token: a logit is NaN or +infinity.</summary>
    const int Corrupt = -1;

    /// <summary>In place of a token: every logit is -infinity.</summary>
    const int Nothing = -2;

    /// <summary>Bytes of the device's memory that a chooser takes.</summary>
    long ChooserBytes(ChooserLimits limits);

    /// <summary>What it takes to choose tokens of batches of rows. Throws OutOfMemory.</summary>
    DeviceChooser CreateChooser(ChooserLimits limits);

    /// <summary>Bytes of the device's memory that CreateTokens takes.</summary>
    long TokenBytes(int maxRows, int maxLogprobs);

    /// <summary>Room for tokens that stay on the device; null if steps are not to be computed ahead.</summary>
    DeviceTokens? CreateTokens(int maxRows, int maxLogprobs);
}

/// <summary>The largest batch of rows.</summary>
/// <param name="MaxRows">Rows.</param>
/// <param name="RowLength">Logits of a row.</param>
/// <param name="MaxLogprobs">Of a row, beside the chosen token's.</param>
internal readonly record struct ChooserLimits(int MaxRows, int RowLength, int MaxLogprobs)
{
    private const int MostLogprobs = 128;
    private const int EntriesMax = 16384;
    private const int EntriesMin = 1024;
    private const int ListBytes = 16 << 20;

    /// <summary>Tokens of a row that may be masked, or have a bias or a count: a matter of the limits, so that where a
    /// row is sampled does not depend on its company.</summary>
    public int MaxEntries => Math.Min(
        RowLength,
        Math.Clamp(ListBytes / (EditWriter.EntryInts * sizeof(int) * MaxRows), EntriesMin, EntriesMax));

    /// <summary>32-bit words of a row's lists.</summary>
    public int RowInts => ((RowLength + 31) / 32) + (EditWriter.EntryInts * MaxEntries);

    /// <summary>The most log probabilities that the device gives, from the most that a request may ask for.</summary>
    public static int LogprobsOf(int maxLogprobs) =>
        maxLogprobs < 0 ? MostLogprobs : Math.Min(maxLogprobs, MostLogprobs);
}
