using System.Text;

namespace Engine.Abi;

/// <summary>Text and buffers as they come and go through C.</summary>
internal static unsafe class Interop
{
    /// <summary>Longest key or other C string that is looked at.</summary>
    private const int MaxCStringBytes = 4096;

    private static readonly UTF8Encoding _strict = new(false, throwOnInvalidBytes: true);

    /// <summary>The bytes of a (pointer, length) argument.</summary>
    public static ReadOnlySpan<byte> Bytes(byte* pointer, ulong length, string parameter)
    {
        if (length == 0)
        {
            return default;
        }

        if (pointer is null)
        {
            throw EngineException.Invalid(parameter, "the pointer is null and the length is not 0");
        }

        return length <= int.MaxValue
            ? new ReadOnlySpan<byte>(pointer, (int)length)
            : throw EngineException.Invalid(parameter, "longer than 2 GiB");
    }

    /// <summary>The text of a (pointer, length) argument.</summary>
    public static string Text(byte* pointer, ulong length, string parameter)
    {
        try
        {
            return _strict.GetString(Bytes(pointer, length, parameter));
        }
        catch (DecoderFallbackException e)
        {
            throw new EngineException(
                EngineStatus.InvalidArgument, $"{parameter}: not valid UTF-8", parameter, e);
        }
    }

    /// <summary>The text of a C string.</summary>
    public static string CString(byte* pointer, string parameter)
    {
        if (pointer is null)
        {
            throw EngineException.Invalid(parameter, "is null");
        }

        int length = 0;
        while (length < MaxCStringBytes && pointer[length] != 0)
        {
            length++;
        }

        return length < MaxCStringBytes
            ? Text(pointer, (ulong)length, parameter)
            : throw EngineException.Invalid(parameter, $"longer than {MaxCStringBytes} bytes");
    }

    /// <summary>The ids of a (pointer, count) argument.</summary>
    public static int[] Ids(int* pointer, ulong count, string parameter)
    {
        if (count == 0)
        {
            return [];
        }

        if (pointer is null)
        {
            throw EngineException.Invalid(parameter, "the pointer is null and the count is not 0");
        }

        return count <= int.MaxValue / sizeof(int)
            ? new ReadOnlySpan<int>(pointer, (int)count).ToArray()
            : throw EngineException.Invalid(parameter, "too many ids");
    }

    /// <summary>
    /// Copies a result into the caller's buffer. The size needed is always written; nothing else is unless
    /// all of it fits.
    /// </summary>
    public static EngineStatus CopyOut<T>(ReadOnlySpan<T> source, T* buffer, ulong capacity, ulong* length)
        where T : unmanaged
    {
        Required(length, "len");
        *length = (ulong)source.Length;
        if (capacity < (ulong)source.Length || (buffer is null && source.Length > 0))
        {
            return EngineStatus.BufferTooSmall;
        }

        if (source.Length > 0)
        {
            source.CopyTo(new Span<T>(buffer, source.Length));
        }

        return EngineStatus.Ok;
    }

    /// <summary>Refuses a null out-parameter.</summary>
    public static void Required(void* pointer, string parameter)
    {
        if (pointer is null)
        {
            throw EngineException.Invalid(parameter, "the out-parameter is null");
        }
    }

    /// <summary>
    /// Copies an in-struct of any size: a shorter one is padded with zeros, a longer one is refused if its
    /// tail says something that this build does not know.
    /// </summary>
    public static T ReadStruct<T>(void* source, string parameter)
        where T : unmanaged
    {
        Required(source, parameter);
        uint size = *(uint*)source;
        if (size < sizeof(uint) || size > 4096)
        {
            throw EngineException.Invalid(parameter + ".struct_size", $"{size} is not a struct's size");
        }

        for (uint i = (uint)sizeof(T); i < size; i++)
        {
            if (((byte*)source)[i] != 0)
            {
                throw new EngineException(
                    EngineStatus.Unsupported,
                    $"{parameter}: {size} bytes, of which this library knows {sizeof(T)}, and the rest is not zero",
                    parameter);
            }
        }

        T result = default;
        Buffer.MemoryCopy(source, &result, sizeof(T), Math.Min(size, (uint)sizeof(T)));
        return result;
    }

    /// <summary>Fills an out-struct up to the size that the caller knows.</summary>
    public static void WriteStruct<T>(T value, void* target, string parameter)
        where T : unmanaged
    {
        Required(target, parameter);
        uint size = *(uint*)target;
        if (size < sizeof(uint) || size > 4096)
        {
            throw EngineException.Invalid(parameter + ".struct_size", $"{size} is not a struct's size");
        }

        *(uint*)&value = size;
        Buffer.MemoryCopy(&value, target, size, Math.Min(size, (uint)sizeof(T)));
        if (size > sizeof(T))
        {
            new Span<byte>((byte*)target + sizeof(T), (int)size - sizeof(T)).Clear();
        }
    }
}
