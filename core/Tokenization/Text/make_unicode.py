"""Writes unicode.bin, the tables that .NET does not carry in invariant mode.

    python3.13 make_unicode.py        needs node (for script names and ranges)

Sections of LEB128 numbers: canonical decompositions, compatibility decompositions that differ from
them, combining classes, primary composites, scripts. Hangul syllables are left to arithmetic.
"""
import json
import os
import subprocess
import unicodedata as u

SCRIPTS = (
    "Adlam Adlm,Ahom Ahom,Anatolian_Hieroglyphs Hluw,Arabic Arab,Armenian Armn,Avestan Avst,Balinese Bali,Bamum Bamu,"
    "Bassa_Vah Bass,Batak Batk,Bengali Beng,Bhaiksuki Bhks,Bopomofo Bopo,Brahmi Brah,Braille Brai,Buginese Bugi,Buhid Buhd,"
    "Canadian_Aboriginal Cans,Carian Cari,Caucasian_Albanian Aghb,Chakma Cakm,Cham Cham,Cherokee Cher,Chorasmian Chrs,"
    "Common Zyyy,Coptic Copt,Cuneiform Xsux,Cypriot Cprt,Cypro_Minoan Cpmn,Cyrillic Cyrl,Deseret Dsrt,Devanagari Deva,Dives_Akuru Diak,"
    "Dogra Dogr,Duployan Dupl,Egyptian_Hieroglyphs Egyp,Elbasan Elba,Elymaic Elym,Ethiopic Ethi,Georgian Geor,"
    "Glagolitic Glag,Gothic Goth,Grantha Gran,Greek Grek,Gujarati Gujr,Gunjala_Gondi Gong,Gurmukhi Guru,Han Hani,Hangul Hang,"
    "Hanifi_Rohingya Rohg,Hanunoo Hano,Hatran Hatr,Hebrew Hebr,Hiragana Hira,Imperial_Aramaic Armi,Inherited Zinh,"
    "Inscriptional_Pahlavi Phli,Inscriptional_Parthian Prti,Javanese Java,Kaithi Kthi,Kannada Knda,Katakana Kana,Kawi Kawi,"
    "Kayah_Li Kali,Kharoshthi Khar,Khitan_Small_Script Kits,Khmer Khmr,Khojki Khoj,Khudawadi Sind,Lao Laoo,Latin Latn,Lepcha Lepc,"
    "Limbu Limb,Linear_A Lina,Linear_B Linb,Lisu Lisu,Lycian Lyci,Lydian Lydi,Mahajani Mahj,Makasar Maka,Malayalam Mlym,Mandaic Mand,"
    "Manichaean Mani,Marchen Marc,Masaram_Gondi Gonm,Medefaidrin Medf,Meetei_Mayek Mtei,Mende_Kikakui Mend,Meroitic_Cursive Merc,"
    "Meroitic_Hieroglyphs Mero,Miao Plrd,Modi Modi,Mongolian Mong,Mro Mroo,Multani Mult,Myanmar Mymr,Nabataean Nbat,Nag_Mundari Nagm,"
    "Nandinagari Nand,New_Tai_Lue Talu,Newa Newa,Nko Nkoo,Nushu Nshu,Nyiakeng_Puachue_Hmong Hmnp,Ogham Ogam,Ol_Chiki Olck,"
    "Old_Hungarian Hung,Old_Italic Ital,Old_North_Arabian Narb,Old_Permic Perm,Old_Persian Xpeo,Old_Sogdian Sogo,Old_South_Arabian Sarb,"
    "Old_Turkic Orkh,Old_Uyghur Ougr,Oriya Orya,Osage Osge,Osmanya Osma,Pahawh_Hmong Hmng,Palmyrene Palm,Pau_Cin_Hau Pauc,Phags_Pa Phag,"
    "Phoenician Phnx,Psalter_Pahlavi Phlp,Rejang Rjng,Runic Runr,Samaritan Samr,Saurashtra Saur,Sharada Shrd,Shavian Shaw,Siddham Sidd,"
    "SignWriting Sgnw,Sinhala Sinh,Sogdian Sogd,Sora_Sompeng Sora,Soyombo Soyo,Sundanese Sund,Syloti_Nagri Sylo,Syriac Syrc,Tagalog Tglg,"
    "Tagbanwa Tagb,Tai_Le Tale,Tai_Tham Lana,Tai_Viet Tavt,Takri Takr,Tamil Taml,Tangsa Tnsa,Tangut Tang,Telugu Telu,Thaana Thaa,Thai Thai,"
    "Tibetan Tibt,Tifinagh Tfng,Tirhuta Tirh,Toto Toto,Ugaritic Ugar,Vai Vaii,Vithkuqi Vith,Wancho Wcho,Warang_Citi Wara,Yezidi Yezi,"
    "Yi Yiii,Zanabazar_Square Zanb")

NODE = """
const out = {};
for (const n of process.argv[1].split(',')) {
  const re = new RegExp('^\\\\p{Script=' + n.split(' ')[0] + '}$', 'u');
  const r = []; let open = false;
  for (let c = 0; c <= 0x110000; c++) {
    const m = c < 0x110000 && re.test(String.fromCodePoint(c));
    if (m !== open) { r.push(c); open = m; }
  }
  out[n] = r;
}
console.log(JSON.stringify(out));
"""

data = bytearray()


def num(n):
    while n >= 0x80:
        data.append(n & 0x7F | 0x80)
        n >>= 7
    data.append(n)


def mappings(table):
    num(len(table))
    last = 0
    for c in sorted(table):
        num(c - last)
        last = c
        num(len(table[c]))
        for d in table[c]:
            num(ord(d))


every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and not 0xAC00 <= c <= 0xD7A3]
canonical = {ord(c): u.normalize("NFD", c) for c in every if u.normalize("NFD", c) != c}
compatible = {ord(c): u.normalize("NFKD", c) for c in every if u.normalize("NFKD", c) != u.normalize("NFD", c)}
mappings(canonical)
mappings(compatible)

classes = []
for c in every:
    k = u.combining(c)
    if k and classes and classes[-1][2] == k and classes[-1][0] + classes[-1][1] == ord(c):
        classes[-1][1] += 1
    elif k:
        classes.append([ord(c), 1, k])
num(len(classes))
last = 0
for start, length, k in classes:
    num(start - last)
    last = start
    num(length)
    num(k)

pairs = []
for c in every:
    d = u.decomposition(c).split(" ")
    if len(d) == 2 and d[0][:1] != "<":
        a, b = (chr(int(x, 16)) for x in d)
        if u.normalize("NFC", a + b) == c:
            pairs.append((ord(a), ord(b), ord(c)))
num(len(pairs))
for pair in pairs:
    for c in pair:
        num(c)

scripts = json.loads(subprocess.run(["node", "-e", NODE, SCRIPTS], check=True, capture_output=True, text=True).stdout)
num(len(scripts))
for names, bounds in scripts.items():
    text = names.replace("_", "").lower().encode()
    num(len(text))
    data.extend(text)
    num(len(bounds))
    last = 0
    for b in bounds:
        num(b - last)
        last = b

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "unicode.bin"), "wb") as f:
    f.write(data)
print(u.unidata_version, len(canonical), len(compatible), len(classes), len(pairs), len(scripts), len(data))
