using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>lipsum(): random placeholder text.</summary>
internal static class Lipsum
{
    private static readonly string[] Words =
        ("a ac accumsan adipiscing aliquam aliquet amet ante arcu at auctor augue bibendum blandit commodo "
        + "condimentum congue consectetuer consequat cras cum curabitur cursus dapibus diam dictum dignissim "
        + "dolor donec dui duis egestas eget elementum elit enim erat eros est et etiam eu euismod facilisis "
        + "fames faucibus felis fermentum feugiat fringilla fusce gravida habitant hendrerit iaculis id in "
        + "integer interdum ipsum justo lacinia lacus laoreet lectus leo libero ligula lorem luctus magna "
        + "malesuada massa mattis mauris metus mi molestie mollis montes morbi nam nec neque nibh nisi nisl "
        + "non nonummy nulla nunc odio orci ornare pede pellentesque pharetra phasellus placerat porta "
        + "porttitor posuere praesent pretium proin pulvinar purus quam quis quisque rhoncus risus rutrum "
        + "sagittis sapien scelerisque sed sem semper sit sociis sodales sollicitudin suscipit taciti tellus "
        + "tempor tempus tincidunt tortor tristique turpis ullamcorper ultrices ultricies urna ut varius vel "
        + "velit venenatis vestibulum vitae vivamus viverra volutpat vulputate").Split(' ');

    public static object? Generate(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("generate_lorem_ipsum", 0, "n", "html", "min", "max");
        int paragraphs = Filters.Given(a[0]) ? Num.Index(a[0]) : 5;
        bool html = !Filters.Given(a[1]) || Ops.Truth(a[1]);
        int min = Filters.Given(a[2]) ? Num.Index(a[2]) : 20;
        int max = Filters.Given(a[3]) ? Num.Index(a[3]) : 100;
        if (max <= min)
            throw TemplateException.Value($"empty range for randrange() ({min}, {max}, {max - min})");
        var result = new List<string>();
        for (int i = 0; i < paragraphs; i++)
        {
            string text = Paragraph(Random.Shared.Next(min, max));
            result.Add(html ? $"<p>{text}</p>" : text);
        }

        string all = string.Join(html ? "\n" : "\n\n", result);
        return html ? new Markup(all) : all;
    }

    private static string Paragraph(int count)
    {
        Budget.Charge(Math.Max(1, count));
        var sb = new StringBuilder();
        bool capital = true;
        for (int i = 0; i < count; i++)
        {
            string word = Words[Random.Shared.Next(Words.Length)];
            sb.Append(i > 0 ? " " : "").Append(capital ? StringMethods.Capitalize(word) : word);
            int roll = Random.Shared.Next(20);
            capital = roll == 0 || i == count - 1;
            sb.Append(capital ? "." : roll < 3 ? "," : "");
        }

        return sb.ToString();
    }
}
