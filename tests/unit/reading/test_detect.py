"""Encodings that no mark proves: names of places in many languages, as suppliers write them."""

from __future__ import annotations

import pytest

from wharf.reading.detect import detect

PLACES = {
    "ja": "東京都 大阪府 北海道 ひたちなか市 さいたま市 トヨタ自動車 株式会社ナカムラ うどんとそば",
    "zh": "北京市 上海市 中华人民共和国 有限公司 广东省深圳市 客户名称 合同金额 备注 人民币",
    "zh-hant": "臺北市 高雄市 有限公司 客戶名稱 電話號碼 新竹縣 臺灣大學 備註 金額",
    "ko": "서울특별시 부산광역시 대한민국 주식회사 고객명 전화번호 경기도 수원시 합계금액",
    "ru": "Москва Санкт-Петербург Новосибирск Екатеринбург Нижний Новгород Казань Челябинск",
    "el": "Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο Λάρισα Βόλος Ιωάννινα Καβάλα Χανιά",
    "he": "ירושלים תל אביב חיפה ראשון לציון פתח תקווה אשדוד נתניה באר שבע",
    "ar": "القاهرة الإسكندرية الرياض بغداد دمشق الدار البيضاء الخرطوم تونس",
    "th": "กรุงเทพมหานคร เชียงใหม่ ขอนแก่น นครราชสีมา ภูเก็ต อุดรธานี",
    "pl": "Łódź Kraków Gdańsk Białystok Częstochowa Żywiec Świętochłowice Rzeszów Tarnów",
    "cs": "Plzeň České Budějovice Ústí nad Labem Hradec Králové Přerov Děčín Třebíč Jihlava",
    "hu": "Győr Kecskemét Székesfehérvár Pécs Hódmezővásárhely Békéscsaba Kőszeg Tűzoltó",
    "tr": "İstanbul Şanlıurfa Diyarbakır Eskişehir Kahramanmaraş Çorum Muğla Iğdır Ağrı",
    "lt": "Vilnius Šiauliai Panevėžys Mažeikiai Kėdainiai Telšiai Tauragė Visaginas Ukmergė",
    "de": "München Köln Düsseldorf Nürnberg Saarbrücken Lübeck Würzburg Straße Göttingen",
    "fr": "Orléans Besançon Saint-Étienne Nîmes Évreux Angoulême Périgueux Châlons Béziers",
}
WRITTEN = [
    ("ja", "shift_jis"), ("ja", "euc-jp"), ("zh", "gb18030"), ("zh-hant", "big5"), ("ko", "euc_kr"),
    ("ru", "cp1251"), ("ru", "koi8-r"), ("ru", "cp866"), ("ru", "iso-8859-5"), ("el", "cp1253"),
    ("el", "iso-8859-7"), ("he", "cp1255"), ("ar", "cp1256"), ("th", "cp874"), ("pl", "cp1250"),
    ("pl", "iso-8859-2"), ("cs", "cp1250"), ("hu", "cp1250"), ("tr", "cp1254"), ("lt", "cp1257"),
    ("de", "cp1252"), ("de", "cp850"), ("fr", "cp1252"), ("fr", "iso-8859-1"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "encoding"), WRITTEN, ids=[f"{a} {b}" for a, b in WRITTEN])
def test_a_short_list_of_places_is_read_in_the_encoding_it_was_written_in(
    language: str, encoding: str
) -> None:
    places = PLACES[language].split()
    text = "\n".join(f"{number};{place};12,50" for number, place in enumerate(places))
    found = detect(text.encode(encoding))
    assert found is not None
    assert text.encode(encoding).decode(found.encoding) == text


def test_a_single_letter_is_western_and_not_certain() -> None:
    found = detect("Müller".encode("cp1252"))
    assert found is not None
    assert "Müller".encode("cp1252").decode(found.encoding) == "Müller"


FEW = (
    "1,2,3\n4,5,é", "élève;18\nNoël;3", "Café «Le Roi»;12", "À propos;1\noù;2", "Curaçao;4",
    "Müller;5\nGröße;6", "A;ä\nB;c", "Straße;1\nÖl;2", "25 °C;Köln",
    "¡Hola!;1", "¿Dónde?;2\nNúñez;3", "piñata;1", "n.º 5;León", "São Paulo;7\nJoão;8",
    "pl.;50 €", "© 2024", "price;£5", "Bank\u00a0,City\u00a0,West–Central", "12 m²;½", "don’t;“so”",
    "Malmö;1", "København;2", "Åre;3",
)  # fmt: skip


@pytest.mark.parametrize("text", FEW)
def test_a_few_letters_or_signs_of_western_europe_are_read_as_cp1252(text: str) -> None:
    found = detect(text.encode("cp1252"))
    assert found is not None
    assert text.encode("cp1252").decode(found.encoding) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Łódź", "cp1250"), ("Győr;1\nKőszeg;2", "cp1250"), ("Třebíč;1\nPřerov;2", "cp1250"),
        ("Москва", "cp1251"), ("Казань", "koi8-r"), ("Αθήνα", "cp1253"), ("Iğdır;1", "cp1254"),
        ("北京", "gb18030"), ("東京", "cp932"), ("서울", "euc_kr"),
    ],
)  # fmt: skip
def test_a_single_word_of_another_alphabet_is_not_taken_for_western(
    text: str, encoding: str
) -> None:
    found = detect(text.encode(encoding))
    assert found is not None
    assert text.encode(encoding).decode(found.encoding) == text


@pytest.mark.parametrize("text", ["ýýýýýýý;1\nØ;2", "\n".join(map(chr, range(0xA1, 0x100)))])
def test_letters_that_form_no_words_are_western_and_not_certain(text: str) -> None:
    found = detect(text.encode("cp1252"))
    assert found is not None
    assert (found.encoding, found.is_sure) == ("cp1252", False)
