using Engine.Tokenization.Text;
using NUnit.Framework;

namespace Engine.Tests.Tokenization;

/// <summary>The forms on texts whose results the standard itself gives (UAX 15 and its tests).</summary>
internal sealed class UnicodeNormalizationTests
{
    [TestCase("\u1e9b\u0323", "\u1e9b\u0323", "\u017f\u0323\u0307", "\u1e69", "s\u0323\u0307")]
    [TestCase("\u212b", "\u00c5", "A\u030a", "\u00c5", "A\u030a")]
    [TestCase("\ufb01", "\ufb01", "\ufb01", "fi", "fi")]
    [TestCase("\uac01", "\uac01", "\u1100\u1161\u11a8", "\uac01", "\u1100\u1161\u11a8")]
    [TestCase("\u1100\u1161\u11a8", "\uac01", "\u1100\u1161\u11a8", "\uac01", "\u1100\u1161\u11a8")]
    [TestCase("a\u0315\u0300\u05ae\u0301b", "\u00e0\u05ae\u0301\u0315b",
        "a\u05ae\u0300\u0301\u0315b", "\u00e0\u05ae\u0301\u0315b", "a\u05ae\u0300\u0301\u0315b")]
    [TestCase("\u0958", "\u0915\u093c", "\u0915\u093c", "\u0915\u093c", "\u0915\u093c")]
    [TestCase("\u0340\u0301", "\u0300\u0301", "\u0300\u0301", "\u0300\u0301", "\u0300\u0301")]
    public void GivesTheFourForms(string text, string nfc, string nfd, string nfkc, string nfkd)
    {
        Assert.Multiple(() =>
        {
            Assert.That(Form(text, compatible: false, compose: true), Is.EqualTo(nfc));
            Assert.That(Form(text, compatible: false, compose: false), Is.EqualTo(nfd));
            Assert.That(Form(text, compatible: true, compose: true), Is.EqualTo(nfkc));
            Assert.That(Form(text, compatible: true, compose: false), Is.EqualTo(nfkd));
        });
    }

    [Test]
    public void AComposedCharacterStandsForAllItCameFrom()
    {
        NormalizedText text = new();
        text.Load(CodePoints.FromUtf16("xe\u0301y"), 0, tracked: true);
        UnicodeNormalization.Apply(text, compatible: false, compose: true);
        Assert.That(text.OriginalRange(2, 3), Is.EqualTo((3, 4)));
    }

    private static string Form(string text, bool compatible, bool compose)
    {
        NormalizedText normalized = new();
        normalized.Load(CodePoints.FromUtf16(text), 0, tracked: true);
        UnicodeNormalization.Apply(normalized, compatible, compose);
        return CodePoints.ToUtf16(normalized.Codes);
    }
}
