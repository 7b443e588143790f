using Engine.Abi.Generator;

// Rewrites the generated files below the repository's root, the one argument.
foreach ((string path, string content) in Generation.Run())
{
    string file = Path.Combine(args[0], path);
    Directory.CreateDirectory(Path.GetDirectoryName(file)!);
    if (!File.Exists(file) || File.ReadAllText(file) != content)
    {
        File.WriteAllText(file, content);
        Console.WriteLine(path);
    }
}
