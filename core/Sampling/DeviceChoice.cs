using Engine.Devices;

namespace Engine.Sampling;

/// <summary>Requests whose tokens a device can choose as <see cref="Sampler"/> would.</summary>
internal static class DeviceChoice
{
    /// <summary>True if nothing but temperature, min_p, top_k and top_p decides, and nobody asks for logits.</summary>
    public static bool TryMake(SamplerState state, int position, out TokenChoice choice)
    {
        SamplingParams p = state.Program.Params;
        choice = default;
        if (state.Program.EditsLogits || p.Logprobs is not null || p.MirostatMode != 0 || p.TypicalP < 1f
            || p.XtcProbability > 0 || p.TopNSigma > 0 || p.DynatempRange > 0)
        {
            return false;
        }

        choice.NumIds = state.Program.VocabSize;
        choice.TopP = TokenChoice.Whole;
        choice.MinOffset = 1;
        if (p.IsGreedy) return true;
        float scale = (float)(1 / Math.Max(p.Temperature, 0.01));
        choice.Scale = scale;
        // The number of 53 bits, whole again.
        double uniform = Philox.Uniforms(state.Seed, state.OutputIndex, position).First;
        choice.Uniform = (ulong)(uniform * TokenChoice.Whole);
        if (p.TopK > 0) choice.TopK = p.TopK;
        if (p.TopP < 1f) choice.TopP = (ulong)((double)p.TopP * TokenChoice.Whole);
        if (p.MinP > 0) choice.MinOffset = Math.Log(p.MinP) / scale;
        return true;
    }
}
