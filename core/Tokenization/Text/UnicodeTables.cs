using System.Text;

namespace Engine.Tokenization.Text;

/// <summary>
/// The tables of unicode.bin (made by make_unicode.py): decompositions, combining classes,
/// compositions and scripts. .NET's own normalization needs ICU, which invariant mode leaves out.
/// </summary>
internal static class UnicodeTables
{
    public static readonly Dictionary<int, int[]> Canonical = [];
    public static readonly Dictionary<int, int[]> Compatible = [];
    public static readonly Dictionary<int, byte> CombiningClasses = [];
    public static readonly Dictionary<long, int> Compositions = [];

    /// <summary>Inversion lists by script name and by four-letter code, in lower case.</summary>
    public static readonly Dictionary<string, int[]> Scripts = [];

    static UnicodeTables()
    {
        using Stream stream = typeof(UnicodeTables).Assembly
            .GetManifestResourceStream("Engine.Tokenization.unicode.bin")!;
        byte[] data = new byte[stream.Length];
        stream.ReadExactly(data);
        int at = 0;
        ReadMappings(data, ref at, Canonical);
        ReadMappings(data, ref at, Compatible);
        ReadClasses(data, ref at);
        for (int n = ReadNumber(data, ref at); n > 0; n--)
        {
            long first = ReadNumber(data, ref at);
            int second = ReadNumber(data, ref at);
            Compositions[(first << 32) | (uint)second] = ReadNumber(data, ref at);
        }

        ReadScripts(data, ref at);
    }

    private static int ReadNumber(byte[] data, ref int at)
    {
        int value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte b = data[at++];
            value |= (b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }
    }

    private static void ReadMappings(byte[] data, ref int at, Dictionary<int, int[]> table)
    {
        int c = 0;
        for (int n = ReadNumber(data, ref at); n > 0; n--)
        {
            c += ReadNumber(data, ref at);
            int[] target = new int[ReadNumber(data, ref at)];
            for (int i = 0; i < target.Length; i++)
            {
                target[i] = ReadNumber(data, ref at);
            }

            table[c] = target;
        }
    }

    private static void ReadClasses(byte[] data, ref int at)
    {
        int c = 0;
        for (int n = ReadNumber(data, ref at); n > 0; n--)
        {
            c += ReadNumber(data, ref at);
            int length = ReadNumber(data, ref at);
            byte value = (byte)ReadNumber(data, ref at);
            for (int i = 0; i < length; i++)
            {
                CombiningClasses[c + i] = value;
            }
        }
    }

    private static void ReadScripts(byte[] data, ref int at)
    {
        for (int n = ReadNumber(data, ref at); n > 0; n--)
        {
            int length = ReadNumber(data, ref at);
            string[] names = Encoding.ASCII.GetString(data, at, length).Split(' ');
            at += length;
            int[] bounds = new int[ReadNumber(data, ref at)];
            int c = 0;
            for (int i = 0; i < bounds.Length; i++)
            {
                c += ReadNumber(data, ref at);
                bounds[i] = c;
            }

            foreach (string name in names)
            {
                Scripts[name] = bounds;
            }
        }
    }
}
