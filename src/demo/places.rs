//! Countries: names, cities, languages and phone numbers.

use super::dice::Dice;

/// A name as it is written, and in plain letters for an e-mail address.
pub(super) type Name = (&'static str, &'static str);

/// What the demo knows of a country.
pub(super) struct Country {
    /// ISO 3166 alpha-2.
    pub code: &'static str,
    /// ISO 639-1 languages, the first one is the most frequent.
    pub languages: &'static [&'static str],
    pub first: &'static [Name],
    pub last: &'static [Name],
    pub cities: &'static [&'static str],
    /// Country code of phone numbers.
    pub dial: &'static str,
    /// What is dialled before a number inside of the country.
    pub trunk: &'static str,
    /// Beginnings of mobile numbers, and how many digits follow.
    pub mobile: &'static [(&'static str, usize)],
}

impl Country {
    /// A mobile number that is valid here, in one of the ways in which people write it.
    pub fn phone(&self, dice: &mut Dice) -> String {
        let (start, count) = *dice.pick(self.mobile);
        let number = dice.digits(count);
        let (near, far) = number.split_at(count / 2);
        match dice.below(5) {
            0 | 1 => format!("+{}{start}{number}", self.dial),
            2 => format!("+{} {start} {near} {far}", self.dial),
            3 => format!("{}{start}{number}", self.trunk),
            _ => format!("{}{start} {near}-{far}", self.trunk),
        }
    }
}

/// All countries of the demo. Some stand twice, since more people live there.
pub(super) const COUNTRIES: &[&Country] = &[
    &GERMANY, &GERMANY, &FRANCE, &FRANCE, &BRITAIN, &AMERICA, &AMERICA, &JAPAN, &BRAZIL, &POLAND, &TURKEY,
    &SPAIN, &INDIA,
];

const GERMANY: Country = Country {
    code: "DE",
    languages: &["de", "de", "de", "en", "tr"],
    first: &[
        ("Jürgen", "juergen"),
        ("Anna", "anna"),
        ("Käthe", "kaethe"),
        ("Lukas", "lukas"),
        ("Björn", "bjoern"),
        ("Sophie", "sophie"),
        ("Jörg", "joerg"),
        ("Mia", "mia"),
        ("Günther", "guenther"),
        ("Lea", "lea"),
    ],
    last: &[
        ("Müller", "mueller"),
        ("Weiß", "weiss"),
        ("Schröder", "schroeder"),
        ("Becker", "becker"),
        ("Köhler", "koehler"),
        ("Krüger", "krueger"),
        ("Hoffmann", "hoffmann"),
        ("Jäger", "jaeger"),
    ],
    cities: &["Berlin", "München", "Köln", "Hamburg", "Düsseldorf", "Leipzig"],
    dial: "49",
    trunk: "0",
    mobile: &[("151", 8), ("160", 7), ("170", 7), ("176", 8)],
};

const FRANCE: Country = Country {
    code: "FR",
    languages: &["fr", "fr", "fr", "en"],
    first: &[
        ("Zoé", "zoe"),
        ("Éloïse", "eloise"),
        ("François", "francois"),
        ("Camille", "camille"),
        ("Jérôme", "jerome"),
        ("Anaïs", "anais"),
        ("Théo", "theo"),
        ("Noémie", "noemie"),
        ("Louis", "louis"),
        ("Hélène", "helene"),
    ],
    last: &[
        ("Lefèvre", "lefevre"),
        ("Béranger", "beranger"),
        ("Martin", "martin"),
        ("Garçon", "garcon"),
        ("D’Aubigné", "daubigne"),
        ("Moreau", "moreau"),
        ("Gonçalves", "goncalves"),
        ("Hénin-Lebœuf", "henin.leboeuf"),
    ],
    cities: &["Paris", "Lyon", "Nîmes", "Saint-Étienne", "Besançon", "Bordeaux"],
    dial: "33",
    trunk: "0",
    mobile: &[("61", 7), ("62", 7), ("66", 7), ("75", 7)],
};

const BRITAIN: Country = Country {
    code: "GB",
    languages: &["en", "en", "en", "pl"],
    first: &[
        ("Oliver", "oliver"),
        ("Amelia", "amelia"),
        ("Siân", "sian"),
        ("Zoë", "zoe"),
        ("Callum", "callum"),
        ("Priya", "priya"),
        ("Seán", "sean"),
        ("Isla", "isla"),
    ],
    last: &[
        ("O’Neill", "oneill"),
        ("Smith", "smith"),
        ("Brontë", "bronte"),
        ("MacDonald", "macdonald"),
        ("Patel", "patel"),
        ("Jones", "jones"),
        ("Taylor-Wright", "taylor.wright"),
    ],
    cities: &["London", "Manchester", "Glasgow", "Cardiff", "Stoke-on-Trent"],
    dial: "44",
    trunk: "0",
    mobile: &[("7400", 6), ("7500", 6), ("7712", 6), ("7900", 6)],
};

const AMERICA: Country = Country {
    code: "US",
    languages: &["en", "en", "en", "es"],
    first: &[
        ("Emily", "emily"),
        ("José", "jose"),
        ("Michael", "michael"),
        ("Renée", "renee"),
        ("Aaliyah", "aaliyah"),
        ("Noah", "noah"),
        ("María", "maria"),
        ("Ethan", "ethan"),
    ],
    last: &[
        ("Johnson", "johnson"),
        ("Núñez", "nunez"),
        ("Williams", "williams"),
        ("Nguyễn", "nguyen"),
        ("García", "garcia"),
        ("Brown", "brown"),
        ("Kowalski", "kowalski"),
        ("O’Connor", "oconnor"),
    ],
    cities: &["New York", "San José", "Chicago", "Austin", "Cañon City", "Seattle"],
    dial: "1",
    trunk: "",
    mobile: &[("201555", 4), ("212555", 4), ("305555", 4), ("312555", 4), ("415555", 4), ("206555", 4)],
};

const JAPAN: Country = Country {
    code: "JP",
    languages: &["ja", "ja", "ja", "en"],
    first: &[
        ("健太", "kenta"),
        ("さくら", "sakura"),
        ("陽菜", "hina"),
        ("翔", "sho"),
        ("美咲", "misaki"),
        ("ユウキ", "yuki"),
    ],
    last: &[
        ("佐藤", "sato"),
        ("鈴木", "suzuki"),
        ("高橋", "takahashi"),
        ("田中", "tanaka"),
        ("髙島", "takashima"),
    ],
    cities: &["東京", "大阪", "札幌", "福岡"],
    dial: "81",
    trunk: "0",
    mobile: &[("901", 7), ("802", 7), ("703", 7)],
};

const BRAZIL: Country = Country {
    code: "BR",
    languages: &["pt", "pt", "pt", "en"],
    first: &[
        ("João", "joao"),
        ("Conceição", "conceicao"),
        ("Antônio", "antonio"),
        ("Letícia", "leticia"),
        ("Cauã", "caua"),
        ("Inês", "ines"),
        ("Rafael", "rafael"),
    ],
    last: &[
        ("da Conceição", "daconceicao"),
        ("Araújo", "araujo"),
        ("Silva", "silva"),
        ("Guimarães", "guimaraes"),
        ("Brandão", "brandao"),
        ("dos Santos", "dossantos"),
    ],
    cities: &["São Paulo", "Brasília", "Belém", "Florianópolis", "Rio de Janeiro"],
    dial: "55",
    trunk: "",
    mobile: &[("1198", 7), ("2199", 7), ("3197", 7), ("4198", 7)],
};

const POLAND: Country = Country {
    code: "PL",
    languages: &["pl", "pl", "pl", "en"],
    first: &[
        ("Łukasz", "lukasz"),
        ("Małgorzata", "malgorzata"),
        ("Zofia", "zofia"),
        ("Michał", "michal"),
        ("Żaneta", "zaneta"),
    ],
    last: &[
        ("Wójcik", "wojcik"),
        ("Dąbrowski", "dabrowski"),
        ("Śliwa", "sliwa"),
        ("Nowak", "nowak"),
        ("Wiśniewska", "wisniewska"),
    ],
    cities: &["Warszawa", "Kraków", "Łódź", "Gdańsk"],
    dial: "48",
    trunk: "",
    mobile: &[("501", 6), ("602", 6), ("691", 6)],
};

const TURKEY: Country = Country {
    code: "TR",
    languages: &["tr", "tr", "en"],
    first: &[
        ("Şeyma", "seyma"),
        ("Çağrı", "cagri"),
        ("İbrahim", "ibrahim"),
        ("Gülşah", "gulsah"),
        ("Emre", "emre"),
    ],
    last: &[
        ("Yılmaz", "yilmaz"),
        ("Öztürk", "ozturk"),
        ("Çelik", "celik"),
        ("Şahin", "sahin"),
        ("Demir", "demir"),
    ],
    cities: &["İstanbul", "Ankara", "İzmir", "Eskişehir"],
    dial: "90",
    trunk: "0",
    mobile: &[("532", 7), ("542", 7), ("505", 7)],
};

const SPAIN: Country = Country {
    code: "ES",
    languages: &["es", "es", "ca", "en"],
    first: &[
        ("Íñigo", "inigo"),
        ("Begoña", "begona"),
        ("Álvaro", "alvaro"),
        ("Lucía", "lucia"),
        ("Núria", "nuria"),
    ],
    last: &[
        ("Muñoz", "munoz"),
        ("Ibáñez", "ibanez"),
        ("Peñalver", "penalver"),
        ("Güell", "guell"),
        ("Etxeberria", "etxeberria"),
    ],
    cities: &["Madrid", "Cádiz", "A Coruña", "Donostia"],
    dial: "34",
    trunk: "",
    mobile: &[("612", 6), ("633", 6), ("655", 6)],
};

const INDIA: Country = Country {
    code: "IN",
    languages: &["hi", "en", "en", "ta"],
    first: &[("आरव", "aarav"), ("Ananya", "ananya"), ("दीया", "diya"), ("Rohan", "rohan"), ("கவின்", "kavin")],
    last: &[("शर्मा", "sharma"), ("Iyer", "iyer"), ("Singh", "singh"), ("பாண்டியன்", "pandian"), ("Rao", "rao")],
    cities: &["मुंबई", "Bengaluru", "சென்னை", "Kolkata"],
    dial: "91",
    trunk: "",
    mobile: &[("98", 8), ("97", 8), ("96", 8)],
};
