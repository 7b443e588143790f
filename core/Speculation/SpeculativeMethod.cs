namespace Engine.Speculation;

/// <summary>Where drafted tokens come from.</summary>
public enum SpeculativeMethod
{
    /// <summary>What followed the last tokens when they occurred before ("ngram").</summary>
    Ngram = 0,

    /// <summary>A smaller model with the same tokenizer ("draft_model").</summary>
    DraftModel = 1,

    /// <summary>A head that reads the model's own features ("eagle").</summary>
    Eagle = 2,
}
