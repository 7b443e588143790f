namespace Engine.Server.Http.Security;

/// <summary>What clients have to show.</summary>
internal enum ClientCertificates
{
    /// <summary>Nothing is asked.</summary>
    None = 0,

    /// <summary>A certificate is asked for; if one comes it must be good.</summary>
    Optional = 1,

    /// <summary>A good certificate, or no connection.</summary>
    Required = 2,
}

/// <summary>Files of TLS, in PEM.</summary>
internal sealed record TlsOptions
{
    /// <summary>The server's certificate, and those between it and its authority behind it.</summary>
    public required string CertificateFile { get; init; }

    /// <summary>Its key; null if the certificate's file holds it.</summary>
    public string? KeyFile { get; init; }

    /// <summary>Authorities that clients' certificates must come from.</summary>
    public string? AuthoritiesFile { get; init; }

    public ClientCertificates ClientCertificates { get; init; }

    /// <summary>Takes a renewed certificate from the files without a restart.</summary>
    public bool Refreshes { get; init; }
}
